//! Hashing and verifying passwords on threads of the crate's own.

use std::fmt;
use std::hint::black_box;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::budget::{MemoryBudget, Need};
use crate::heap;
use crate::pool::Pool;
use crate::scheme::Scheme;
use crate::scheme::argon2id::{self, Argon2id};
use crate::{Error, HashParameters, Password, PasswordHash};

/// The options of a [`Hasher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherOptions {
    /// The cost of a new hash. A stored hash with another cost is [`Verdict::RightButOutdated`].
    pub parameters: HashParameters,
    /// The number of hashing threads. 0 counts as 1.
    pub threads: usize,
    /// The limit of the memory of all hashes together, in KiB. A hash that does not fit beside the
    /// running ones waits.
    ///
    /// A new hash takes [`HashParameters::memory_kib`]. A stored hash can take more:
    /// [`HashParameters::MAX`] for Argon2id and 64 MiB for scrypt. If it needs more than this
    /// limit, it is [`Error::UnsupportedHash`].
    ///
    /// After scrypt hashes under 32 MiB, the heap of each thread may keep that memory beside this
    /// limit. The default of Werkzeug needs 32 MiB and is not kept.
    pub memory_kib: usize,
    /// The number of passwords that may wait for a thread. The next one gets [`Error::Busy`].
    pub queue: usize,
    /// Memory is kept for the next hash, because mapping it takes a part of a hash's time. After
    /// this time without use, it is returned to the system.
    pub retention: Duration,
}

impl HasherOptions {
    /// Returns the default options with this number of threads, and a queue of 16 for each thread.
    #[must_use]
    pub fn with_threads(threads: usize) -> Self {
        let parameters = HashParameters::default();
        let new_hashes = threads.saturating_mul(parameters.memory_kib() as usize);
        Self {
            parameters,
            threads,
            memory_kib: new_hashes.max(HashParameters::MAX.memory_kib() as usize),
            // A hash takes 0.1 to 0.2 seconds, so the last in the queue waits two or three seconds.
            // A client that would wait longer should get `Busy` at once and retry later.
            queue: threads.saturating_mul(16),
            // Mapping 64 MiB adds 10 to 15 ms to a hash, which is little once in a minute.
            retention: Duration::from_secs(60),
        }
    }
}

impl Default for HasherOptions {
    /// Default parameters, one thread for each core, memory for a new hash on each thread and for
    /// any stored hash, a queue of 16 for each thread, and a retention of a minute.
    fn default() -> Self {
        // Hashing waits for nothing, so more threads than cores would only take more memory. The
        // standard library respects the processor limit of a container.
        Self::with_threads(thread::available_parallelism().map_or(1, NonZero::get))
    }
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right, and the stored hash should stay.
    ///
    /// A bcrypt hash also stays if the password is longer than the 72 bytes that bcrypt uses. A
    /// mistyped end would pass, and a new hash would make the mistyped password the only right one.
    Right,
    /// The password is right, but the stored hash is not one that [`Hasher::hash`] would make now.
    /// Hash the password again and store the new hash.
    RightButOutdated,
    /// The password is wrong.
    Wrong,
}

/// Hashes and verifies passwords on a bounded number of threads with a bounded queue.
///
/// Clones share the threads. The threads end when the last clone is dropped.
///
/// # Cancellation
///
/// Every method queues its work when its future is first polled. If the future is dropped while the
/// work is in the queue, the work is skipped. Work that a thread has begun runs to its end.
#[derive(Clone)]
pub struct Hasher {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    parameters: HashParameters,
    memory_kib: usize,
}

impl Hasher {
    /// Starts the threads. Memory is allocated at the first hash.
    ///
    /// With glibc, this fixes two thresholds of the process: an allocation of 4 MiB or more is
    /// returned to the system when it is freed. Otherwise the heap would keep the memory of scrypt,
    /// and the memory limit would not hold.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the memory limit is less than a new hash takes, or if the system
    /// cannot start a thread.
    pub fn new(options: HasherOptions) -> Result<Self, Error> {
        let HasherOptions { parameters, threads, memory_kib, queue, retention } = options;
        let new_hash = parameters.memory_kib() as usize;
        if memory_kib < new_hash {
            return Err(Error::internal("the memory limit of hashing is less than a new hash takes"));
        }
        heap::return_large_allocations();
        let budget = MemoryBudget::new(memory_kib, new_hash, retention);
        let pool = Pool::start(threads, queue, budget).map_err(Error::internal)?;
        Ok(Self { inner: Arc::new(Inner { pool, parameters, memory_kib }) })
    }

    /// Hashes a password with a new random salt and returns a PHC string of Argon2id.
    ///
    /// # Errors
    ///
    /// - [`Error::Busy`], at once, if the queue is full.
    /// - [`Error::Internal`] if the system has no memory or randomness, or hashing panics.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let parameters = self.inner.parameters;
        let need = Need::Blocks(parameters.memory_kib() as usize);
        let work = move |blocks: &mut _| argon2id::hash(password.expose().as_bytes(), parameters, blocks);
        self.inner.pool.run(need, work).await
    }

    /// Verifies a password against a stored hash, with the parameters of that hash.
    ///
    /// # Errors
    ///
    /// - [`Error::UnsupportedHash`], at once, if the format is unknown, a parameter is over its
    ///   limit, or the hash needs more than [`HasherOptions::memory_kib`].
    /// - [`Error::Busy`], at once, if the queue is full.
    /// - [`Error::Internal`] if the system has no memory, or hashing panics.
    pub async fn verify(&self, password: Password, stored: PasswordHash) -> Result<Verdict, Error> {
        let scheme = Scheme::read(&stored)?;
        if scheme.need().kib() > self.inner.memory_kib {
            return Err(Error::UnsupportedHash);
        }
        self.compare(password, scheme).await
    }

    /// Does the work of [`Hasher::verify`] for a user who does not exist.
    ///
    /// A login then takes the same time whether or not the user exists. It still takes another time
    /// for a user whose stored hash is not one that [`Hasher::hash`] would make now.
    ///
    /// # Errors
    ///
    /// - [`Error::Busy`], at once, if the queue is full.
    /// - [`Error::Internal`] if the system has no memory, or hashing panics.
    pub async fn verify_absent(&self, password: Password) -> Result<(), Error> {
        let dummy = Scheme::Argon2id(Argon2id::dummy(self.inner.parameters)?);
        // Without `black_box` the compiler could see that the verdict is not used, and do less
        // work.
        let _ = black_box(self.compare(password, dummy).await?);
        Ok(())
    }

    /// Verifies on a thread of the pool, for both `verify` and `verify_absent`.
    ///
    /// Both must run the same machine code. When this code was compiled twice, one copy was 2 %
    /// faster than the other. Such a difference shows an attacker which users exist.
    async fn compare(&self, password: Password, scheme: Scheme) -> Result<Verdict, Error> {
        let parameters = self.inner.parameters;
        let need = scheme.need();
        let work = move |blocks: &mut _| {
            let password = password.expose().as_bytes();
            Ok(match scheme.verify(password, blocks)? {
                false => Verdict::Wrong,
                true if scheme.is_current(parameters) || !scheme.covers(password) => Verdict::Right,
                true => Verdict::RightButOutdated,
            })
        };
        self.inner.pool.run(need, work).await
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("parameters", &self.inner.parameters).finish_non_exhaustive()
    }
}
