//! Places among those whose passwords wait to be hashed: no address takes more than half of them, so that others are heard.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use daybook_domain::Origin;

use crate::client_address::network_of;
use crate::error::ApiError;

/// How many requests of each network are being hashed for. All that come over no network at all share one count.
#[derive(Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
    /// What one network may take; none without a limit.
    most: Option<usize>,
}

/// Given back when it is dropped.
#[must_use]
pub(crate) struct Place {
    places: Places,
    network: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// # Errors
    ///
    /// [`ApiError::Busy`] when this network has as many as it may have.
    pub(crate) fn take(&self, origin: &Origin) -> Result<Place, ApiError> {
        let network = origin.ip.map(network_of);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if self.most.is_some_and(|most| *count >= most) {
            return Err(ApiError::busy("one address asks for too many hashes at once"));
        }
        *count += 1;
        Ok(Place { places: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Origin {
        Origin { ip: Some(address.parse().unwrap()), user_agent: None }
    }

    #[test]
    fn a_network_has_its_share_and_leaves_nothing_behind() {
        let places = Places::new(Some(2));
        let held = [places.take(&from("2001:db8::1")).unwrap(), places.take(&from("2001:db8::2")).unwrap()];
        assert!(places.take(&from("2001:db8::3")).is_err(), "of the same /64");
        let other = places.take(&from("192.0.2.1")).unwrap();
        drop(held);
        drop(places.take(&from("2001:db8::3")).unwrap());
        drop(other);
        assert!(places.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn without_a_limit_everybody_has_a_place() {
        let places = Places::new(None);
        let held: Vec<_> = (0..1_000).map(|_| places.take(&Origin::default()).unwrap()).collect();
        assert_eq!(held.len(), 1_000);
    }
}
