use std::{fmt, hint::black_box, num::NonZero, sync::Arc, thread};

use crate::{
    Error, HashParameters, Password, PasswordHash,
    pool::Pool,
    scheme::{
        Scheme,
        argon2id::{self, Argon2id},
    },
};

/// How a [`Hasher`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherOptions {
    /// The work that goes into a new hash. A stored one with other parameters is [`Verdict::RightButOutdated`].
    pub parameters: HashParameters,
    /// Threads, at least one. Each keeps [`HashParameters::memory_kib`] from its first hash on. An older service's scrypt hash
    /// takes the place of that while it is verified, 64 MiB at most.
    pub threads: usize,
    /// How many passwords may wait for a thread before the next is [`Error::Busy`].
    pub queue: usize,
}

impl Default for HasherOptions {
    /// Default parameters, a thread for each core, a queue of 32.
    fn default() -> Self {
        Self {
            parameters: HashParameters::default(),
            // Hashing waits for nothing, so more threads than cores would only take memory.
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            // A hash takes a tenth to a fifth of a second: on two cores the last of 32 waits two or three. Whoever would wait longer
            // is better told at once to come back.
            queue: 32,
        }
    }
}

/// What verifying a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right.
    Right,
    /// The password is right, and its hash is not as a new one would be: hash it again and store that.
    RightButOutdated,
    /// The password is wrong.
    Wrong,
}

/// Hashes and verifies passwords on threads of its own, so that neither an async worker nor the machine's memory gives way.
///
/// Clones share the threads, which end with the last clone.
///
/// # Cancellation
///
/// Every method queues its work when its future is first polled. If that future is dropped while the work waits, the work is
/// skipped; work that has begun runs to its end. Nothing else is affected either way.
#[derive(Clone)]
pub struct Hasher(Arc<Shared>);

struct Shared {
    pool: Pool,
    parameters: HashParameters,
}

impl Hasher {
    /// Starts the threads. Their memory is allocated at the first hash.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the system has no thread to give.
    pub fn new(options: HasherOptions) -> Result<Self, Error> {
        let HasherOptions { parameters, threads, queue } = options;
        // An Argon2 block is 1 KiB.
        let kept = parameters.memory_kib() as usize;
        let pool = Pool::start(threads, queue, kept).map_err(Error::internal)?;
        Ok(Self(Arc::new(Shared { pool, parameters })))
    }

    /// Hashes a password with a new random salt: a PHC string of Argon2id.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] at once when the queue is full, [`Error::Internal`] when the machine fails.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let parameters = self.0.parameters;
        self.0.pool.run(move |memory| argon2id::make(password.expose().as_bytes(), parameters, memory)).await
    }

    /// Verifies a password against a stored hash, with the parameters that stand in that hash.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedHash`] and [`Error::Busy`], both at once; [`Error::Internal`] when the machine fails.
    pub async fn verify(&self, password: Password, stored: PasswordHash) -> Result<Verdict, Error> {
        self.compare(password, Scheme::read(&stored)?).await
    }

    /// Does the work of a [`Hasher::verify`] for a user who does not exist, so that the time does not tell. It does tell of
    /// users whose hash is still another than [`Hasher::hash`] would make.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] at once when the queue is full, [`Error::Internal`] when the machine fails.
    pub async fn verify_absent(&self, password: Password) -> Result<(), Error> {
        // Nobody looks at the verdict, and the compiler must not draw conclusions from that.
        let _ =
            black_box(self.compare(password, Scheme::Argon2id(Argon2id::absent(self.0.parameters)?)).await?);
        Ok(())
    }

    /// The same machine code for every hash: compiled twice, it was faster by a fiftieth in one of both places.
    async fn compare(&self, password: Password, scheme: Scheme) -> Result<Verdict, Error> {
        let parameters = self.0.parameters;
        let work = move |memory: &mut _| {
            let password = password.expose().as_bytes();
            Ok(match scheme.verify(password, memory)? {
                false => Verdict::Wrong,
                true if scheme.is_current(parameters) || !scheme.covers(password) => Verdict::Right,
                true => Verdict::RightButOutdated,
            })
        };
        self.0.pool.run(work).await
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("parameters", &self.0.parameters).finish_non_exhaustive()
    }
}
