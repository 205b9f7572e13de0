//! How many do the same at once: all together, and each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daybook_domain::UserId;

#[derive(Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
    per_user: usize,
    of_all: usize,
}

/// Given back when it is dropped.
#[must_use]
pub(crate) struct Seat {
    seats: Seats,
    user: UserId,
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// This user has as many as one may have.
    OfUser,
    /// All together have.
    OfAll,
}

impl Seats {
    pub(crate) fn new(per_user: usize, of_all: usize) -> Self {
        Self { taken: Arc::default(), per_user, of_all }
    }

    /// # Errors
    ///
    /// When there is none left.
    pub(crate) fn take(&self, user: UserId) -> Result<Seat, Full> {
        let mut taken = self.lock();
        if taken.get(&user).is_some_and(|count| *count >= self.per_user) {
            return Err(Full::OfUser);
        }
        if taken.values().sum::<usize>() >= self.of_all {
            return Err(Full::OfAll);
        }
        *taken.entry(user).or_default() += 1;
        Ok(Seat { seats: self.clone(), user })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_seats_and_all_come_back() {
        let seats = Seats::new(2, 3);
        let ada = [seats.take(UserId(1)).unwrap(), seats.take(UserId(1)).unwrap()];
        assert_eq!(seats.take(UserId(1)).err(), Some(Full::OfUser));
        let bob = seats.take(UserId(2)).unwrap();
        assert_eq!(seats.take(UserId(3)).err(), Some(Full::OfAll));
        drop((ada, bob));
        assert!(seats.lock().is_empty());
        let _eve = seats.take(UserId(3)).unwrap();
    }
}
