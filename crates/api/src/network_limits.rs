//! Limits of what one client network may hold at once: bodies that are being read, responses that
//! wait to be read, and password hashes.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use daybook_listener::keep_until_sent;
use daybook_throttle::{Full, NetworkConcurrency, NetworkPermit};

use crate::error::ApiError;
use crate::shared_body::is_shared;

/// Bodies that are read at once. A slow client costs little more than a socket and must not keep
/// others from being served, so the limit is high.
const READING: usize = 8_192;

/// Bodies of one network. Seven other networks can always send theirs.
const READING_PER_NETWORK: usize = READING / 8;

/// A body up to this size takes no part of the memory for large bodies. [`READING`] of them take
/// at most 128 MiB.
const SMALL_BODY: usize = 16 * 1024;

/// Memory for large bodies that are read at once, in bytes. About 200 of the largest ones fit.
const BODY_MEMORY: usize = 256 * 1024 * 1024;

/// A response below this size takes no part of the memory for large responses, and is never
/// refused. Almost all responses are smaller. The 1,024 connections of one address can hold at most
/// 64 MiB of such responses.
const SMALL_RESPONSE: u64 = 64 * 1024;

/// Memory for large responses that clients have not read yet, in bytes. At least 32 pages of the
/// largest size fit. Results of changes have as much again.
const RESPONSE_MEMORY: usize = 128 * 1024 * 1024;

/// The part of the memory that one network may hold, so that others get the rest.
const SHARE: usize = 4;

/// Changes of one network in flight, without a token: registrations, logins and refreshes. They go
/// on after a disconnect, so connections do not limit them. It is a quarter of the requests that a
/// process serves at once.
const OPEN_CHANGES: usize = 256;

/// Limits of each client network and of all networks together. Clones share them.
#[derive(Clone)]
pub(crate) struct NetworkLimits {
    reading: NetworkConcurrency,
    bodies: NetworkConcurrency,
    responses: NetworkConcurrency,
    /// Memory for responses to requests that have changed something. It is separate, so that reads
    /// cannot use it up.
    results: NetworkConcurrency,
    /// Password hashes that run or wait.
    hashes: NetworkConcurrency,
    /// Changes without a token.
    open_changes: NetworkConcurrency,
}

/// The permit to read a body.
pub(crate) struct ReadingPermit {
    _reading: NetworkPermit,
    memory: Option<NetworkPermit>,
}

impl ReadingPermit {
    /// Ends the reading. Returns the permit for the memory of a large body.
    pub(crate) fn into_memory(self) -> Option<NetworkPermit> {
        self.memory
    }
}

impl NetworkLimits {
    /// The limits of password hashes depend on the machine.
    pub(crate) fn new(hashes_per_network: usize, hashes: usize) -> Self {
        let memory = |bytes| NetworkConcurrency::new(bytes / SHARE, bytes);
        Self {
            reading: NetworkConcurrency::new(READING_PER_NETWORK, READING),
            bodies: memory(BODY_MEMORY),
            responses: memory(RESPONSE_MEMORY),
            results: memory(RESPONSE_MEMORY),
            hashes: NetworkConcurrency::new(hashes_per_network, hashes),
            open_changes: NetworkConcurrency::new(OPEN_CHANGES, usize::MAX),
        }
    }

    /// Returns the permit to read a body of at most `size` bytes.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if the network or all networks together send too many bodies.
    pub(crate) fn permit_body(&self, client: Option<IpAddr>, size: usize) -> Result<ReadingPermit, ApiError> {
        let client = known(client);
        let reading = self.reading.try_acquire(client).map_err(|full| busy("bodies", full))?;
        let memory = match size {
            0..=SMALL_BODY => None,
            _ => Some(self.bodies.try_acquire_many(client, size).map_err(|full| busy("large bodies", full))?),
        };
        Ok(ReadingPermit { _reading: reading, memory })
    }

    /// Returns the permit of one password hash.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if the network or all networks together have too many.
    pub(crate) fn permit_hash(&self, client: Option<IpAddr>) -> Result<NetworkPermit, ApiError> {
        self.hashes.try_acquire(known(client)).map_err(|full| busy("password hashes", full))
    }

    /// Returns the permit of a change without a token.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if the network has too many.
    pub(crate) fn permit_open_change(&self, client: Option<IpAddr>) -> Result<NetworkPermit, ApiError> {
        self.open_changes.try_acquire(known(client)).map_err(|full| busy("changes without a token", full))
    }

    /// Counts the memory of a large response until the client has read it.
    ///
    /// # Errors
    ///
    /// [`ApiError::Busy`] if the client's network, or all networks together, have not read too many
    /// large responses. [`ApiError::ResultNotSent`] if the request has changed something.
    pub(crate) fn hold_response<B: MessageBody>(
        &self,
        response: &ServiceResponse<B>,
        client: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<(), ApiError> {
        let (request, answer) = (response.request(), response.response());
        let Some(size) = large_size(request, answer) else { return Ok(()) };
        let has_changed = !request.method().is_safe() && answer.status().is_success();
        let memory = if has_changed { &self.results } else { &self.responses };
        match memory.try_acquire_many(known(client()), size) {
            Ok(permit) => {
                keep_until_sent(request, permit);
                Ok(())
            }
            Err(_) if has_changed => Err(ApiError::ResultNotSent),
            Err(full) => Err(busy("large responses", full)),
        }
    }
}

/// Returns the size of the body that is sent, if it is large.
fn large_size<B: MessageBody>(request: &HttpRequest, response: &HttpResponse<B>) -> Option<usize> {
    match response.body().size() {
        BodySize::Sized(size)
            if size >= SMALL_RESPONSE && *request.method() != Method::HEAD && !is_shared(response) =>
        {
            Some(usize::try_from(size).unwrap_or(usize::MAX))
        }
        _ => None,
    }
}

/// All clients whose address is not known are one network.
fn known(client: Option<IpAddr>) -> IpAddr {
    client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn busy(what: &str, full: Full) -> ApiError {
    ApiError::busy(format!("the limit of {what}: {full}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permit_open_change_limits_each_network() {
        let limits = NetworkLimits::new(1, 2);
        let [one, other] = [1, 2].map(|number| Some(IpAddr::from([192, 0, 2, number])));
        let held: Vec<_> = (0..256).map(|_| limits.permit_open_change(one).unwrap()).collect();
        assert!(matches!(limits.permit_open_change(one), Err(ApiError::Busy(..))));
        assert!(limits.permit_open_change(other).is_ok());
        drop(held);
        assert!(limits.permit_open_change(one).is_ok());
    }

    #[test]
    fn permit_body_limits_the_bodies_and_the_memory_of_each_network() {
        let limits = NetworkLimits::new(1, 2);
        let [one, other] = [1, 2].map(|number| Some(IpAddr::from([192, 0, 2, number])));
        let small: Vec<_> =
            (0..READING_PER_NETWORK).map(|_| limits.permit_body(one, SMALL_BODY).unwrap()).collect();
        assert!(limits.permit_body(one, 1).is_err());
        assert!(limits.permit_body(other, 1).is_ok());
        drop(small);
        let share = BODY_MEMORY / SHARE;
        let large = limits.permit_body(one, share).unwrap().into_memory();
        assert!(limits.permit_body(one, SMALL_BODY + 1).is_err());
        assert!(limits.permit_body(one, SMALL_BODY).is_ok(), "a small body needs no memory");
        assert!(limits.permit_body(other, share).is_ok());
        drop(large);
        assert!(limits.permit_body(one, share).is_ok());
    }
}
