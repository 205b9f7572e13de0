//! Counts password attempts and registrations against their quotas.

use std::net::IpAddr;

use daybook_throttle::{Bucket, Quota, Refusal, SITE_FACTOR, Throttle, site_of};

use crate::rate_limits::RateLimits;
use crate::subject::{Subject, network_key};

/// Limits of password attempts: for each name, for each client that an account knows, and for each
/// network. Clones share all counters.
///
/// Every method takes the address of the client. Clients without an address count as one network.
/// Every method takes the time as well: microseconds since any fixed instant, for example the Unix
/// epoch.
///
/// # Cancellation
///
/// A call whose future is dropped has counted or not. The counters stay consistent either way.
#[derive(Debug, Clone)]
pub struct AttemptLimits {
    /// `None` if the limits are off.
    limits: Option<Limits>,
}

#[derive(Debug, Clone)]
struct Limits {
    throttle: Throttle,
    account: Quota,
    address: Quota,
}

/// An attempt that was admitted.
///
/// It counts as a wrong password until [`AttemptLimits::succeeded`] or [`AttemptLimits::undo`]
/// takes it back.
#[must_use = "the attempt counts as a wrong password until it is taken back"]
pub struct Attempt {
    account: Vec<Counter>,
    network: Vec<Counter>,
}

/// One bucket of an attempt.
struct Counter {
    name: &'static str,
    key: String,
    quota: Quota,
}

impl Counter {
    fn bucket(&self) -> Bucket<'_> {
        Bucket { name: self.name, key: &self.key, quota: self.quota }
    }
}

/// The name of the quota of a network, as a [`Refusal`] repeats it.
const ADDRESS: &str = "address";
/// The name of the quota of registrations from a network.
const REGISTRATION: &str = "registration";

impl AttemptLimits {
    /// Returns limits that this throttle counts: in this process, or for all instances through
    /// Redis.
    #[must_use]
    pub fn new(limits: RateLimits, throttle: Throttle) -> Self {
        let RateLimits { account, address } = limits;
        Self { limits: Some(Limits { throttle, account, address }) }
    }

    /// Returns limits that admit every attempt and every registration, for tests and measurements.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { limits: None }
    }

    /// Takes one attempt from all quotas of the subject, or from none of them.
    ///
    /// Call this before the password is verified. If a login is refused, a client that the account
    /// knows may still have a quota of its own: call this again with [`Subject::KnownDevice`] or
    /// [`Subject::KnownAddress`]. Strangers can therefore not keep it out.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if a quota is used up. Its `bucket` is `account`, `client` or `address`.
    pub async fn attempt(
        &self,
        subject: Subject<'_>,
        client: Option<IpAddr>,
        now: i64,
    ) -> Result<Attempt, Refusal> {
        let Some(limits) = &self.limits else {
            return Ok(Attempt { account: Vec::new(), network: Vec::new() });
        };
        let (name, keys) = subject.buckets(client);
        let counter = |key| Counter { name, key, quota: limits.account };
        let account = keys.into_iter().map(counter).collect();
        let network = match subject.counts_for_network() {
            true => limits.network(ADDRESS, client),
            false => Vec::new(),
        };
        let attempt = Attempt { account, network };
        limits.take(&attempt, now).await?;
        Ok(attempt)
    }

    /// Takes one registration from the quota of the network.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if too many accounts were registered from the network. Its `bucket` is
    /// `registration`.
    pub async fn registration(&self, client: Option<IpAddr>, now: i64) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let counted = Attempt { account: Vec::new(), network: limits.network(REGISTRATION, client) };
        limits.take(&counted, now).await
    }

    /// Takes back the attempt of a right password: all attempts of its account or known client, and
    /// one of the network.
    ///
    /// If the network got all of its attempts back, a user could guess the passwords of others
    /// without a limit.
    pub async fn succeeded(&self, attempt: &Attempt, now: i64) {
        let Some(limits) = &self.limits else { return };
        for counter in &attempt.account {
            limits.throttle.reset(&counter.bucket()).await;
        }
        for counter in &attempt.network {
            limits.throttle.give_back(&counter.bucket(), now).await;
        }
    }

    /// Takes back an attempt whose password was not verified, for example because the service was
    /// overloaded.
    pub async fn undo(&self, attempt: &Attempt, now: i64) {
        let Some(limits) = &self.limits else { return };
        for counter in attempt.account.iter().chain(&attempt.network) {
            limits.throttle.give_back(&counter.bucket(), now).await;
        }
    }
}

impl Limits {
    async fn take(&self, attempt: &Attempt, now: i64) -> Result<(), Refusal> {
        let buckets: Vec<_> = attempt.account.iter().chain(&attempt.network).map(Counter::bucket).collect();
        self.throttle.take(&buckets, now).await
    }

    /// Returns the counters of the client's network and of its IPv6 site.
    fn network(&self, name: &'static str, client: Option<IpAddr>) -> Vec<Counter> {
        let network = Counter { name, key: network_key(client), quota: self.address };
        let site = client.and_then(site_of).map(|site| Counter {
            name,
            key: format!("{site}/48"),
            quota: self.address.times(SITE_FACTOR.into()),
        });
        [network].into_iter().chain(site).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;

    fn limits() -> AttemptLimits {
        let limits = RateLimits { account: "5/10m".parse().unwrap(), address: "20/10m".parse().unwrap() };
        AttemptLimits::new(limits, Throttle::new())
    }

    fn name(forms: &[&str]) -> Vec<String> {
        forms.iter().map(|form| (*form).to_owned()).collect()
    }

    fn from(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    fn at(seconds: i64) -> i64 {
        1_800_000_000_000_000 + seconds * 1_000_000
    }

    /// Counts the admitted ones of 100 wrong attempts.
    async fn guesses(limits: &AttemptLimits, subject: Subject<'_>, from: Option<IpAddr>, when: i64) -> usize {
        let mut admitted = 0;
        for _ in 0..100 {
            admitted += usize::from(limits.attempt(subject, from, at(when)).await.is_ok());
        }
        admitted
    }

    #[tokio::test]
    async fn attempt_admits_few_guesses_in_a_day() {
        let (limits, ada) = (limits(), name(&["ada"]));
        let mut admitted = 0;
        for minute in 0..24 * 60 {
            // From several addresses at once.
            for host in 1..4 {
                let client = from(&format!("203.0.113.{host}"));
                admitted += guesses(&limits, Subject::Login(&ada), client, minute * 60).await;
            }
        }
        assert_eq!(admitted, 5 + 24 * 60 / 2 - 1);
    }

    #[tokio::test]
    async fn attempt_counts_for_each_form_of_a_name() {
        let limits = limits();
        let here = from("203.0.113.9");
        let spellings = [name(&["a", "b"]), name(&["a", "c"]), name(&["d", "c"]), name(&["d", "d"])];
        assert_eq!(guesses(&limits, Subject::Login(&spellings[0]), here, 0).await, 5);
        assert_eq!(guesses(&limits, Subject::Login(&spellings[1]), here, 0).await, 0, "the form a");
        assert_eq!(guesses(&limits, Subject::Login(&spellings[2]), here, 0).await, 5);
        assert_eq!(guesses(&limits, Subject::Login(&spellings[3]), here, HOUR).await, 5, "counted once");
    }

    #[tokio::test]
    async fn attempt_admits_known_clients_while_the_name_is_locked() {
        let (limits, ada, bob) = (limits(), name(&["ada"]), name(&["bob"]));
        let (stranger, home) = (from("203.0.113.9"), from("192.0.2.1"));
        assert_eq!(guesses(&limits, Subject::Login(&ada), stranger, 0).await, 5);
        assert!(limits.attempt(Subject::Login(&ada), home, at(0)).await.is_err());
        assert!(limits.attempt(Subject::KnownAddress(&ada), home, at(0)).await.is_ok());
        assert!(limits.attempt(Subject::KnownDevice(7), stranger, at(0)).await.is_ok());
        assert!(limits.attempt(Subject::Login(&bob), stranger, at(0)).await.is_ok());
        let refusal = limits.attempt(Subject::Login(&ada), home, at(1)).await.err().unwrap();
        let again = 1 + i64::try_from(refusal.retry_after.as_secs()).unwrap();
        assert!(limits.attempt(Subject::Login(&ada), home, at(again)).await.is_ok());
    }

    #[tokio::test]
    async fn attempt_admits_known_clients_from_a_network_that_is_locked() {
        let (limits, ada) = (limits(), name(&["ada"]));
        let office = from("203.0.113.9");
        for victim in 0..100 {
            let victim = name(&[&format!("victim{victim}")]);
            let _ = limits.attempt(Subject::Login(&victim), office, at(0)).await;
        }
        let stranger = limits.attempt(Subject::Login(&ada), office, at(0)).await.err().unwrap();
        assert_eq!(stranger.bucket, "address");
        let confirmation = Subject::Confirmation { user: 1, session: Some(7) };
        for known in [Subject::KnownAddress(&ada), Subject::KnownDevice(7), confirmation] {
            let admitted = limits.attempt(known, office, at(0)).await.ok().unwrap();
            limits.succeeded(&admitted, at(0)).await;
            assert_eq!(guesses(&limits, known, office, 0).await, 5, "the limit of {known:?}");
        }
        assert!(
            limits.attempt(Subject::Login(&ada), office, at(0)).await.is_err(),
            "the network got nothing back"
        );
    }

    #[tokio::test]
    async fn attempt_counts_confirmations_of_each_session() {
        let limits = limits();
        let thief = Subject::Confirmation { user: 1, session: Some(7) };
        assert_eq!(guesses(&limits, thief, None, 0).await, 5);
        for owner in [Some(8), None] {
            let owner = Subject::Confirmation { user: 1, session: owner };
            assert!(limits.attempt(owner, None, at(0)).await.is_ok());
        }
    }

    #[tokio::test]
    async fn attempt_limits_the_networks_of_a_site_together() {
        let limits = limits();
        let mut admitted = 0;
        for network in 0..=255 {
            let client = from(&format!("2001:db8:1:{network:x}00::1"));
            for guess in 0..30 {
                let victim = name(&[&format!("{network} {guess}")]);
                admitted += usize::from(limits.attempt(Subject::Login(&victim), client, at(0)).await.is_ok());
            }
        }
        assert_eq!(admitted, 4 * 20);
    }

    #[tokio::test]
    async fn registration_limits_a_network_and_its_site() {
        let limits = limits();
        let mut admitted = [0; 256];
        for (network, admitted) in admitted.iter_mut().enumerate() {
            let client = from(&format!("2001:db8:1:{network:x}00::1"));
            for _ in 0..30 {
                *admitted += usize::from(limits.registration(client, at(0)).await.is_ok());
            }
        }
        assert_eq!((admitted[0], admitted.iter().sum::<usize>()), (20, 4 * 20));
    }

    #[tokio::test]
    async fn succeeded_gives_the_address_one_attempt_back() {
        let (limits, ada) = (limits(), name(&["ada"]));
        let here = from("203.0.113.9");
        let mut guessed = 0;
        for victim in 2..1_000 {
            let victim = name(&[&victim.to_string()]);
            guessed += usize::from(limits.attempt(Subject::Login(&victim), here, at(0)).await.is_ok());
            if let Ok(own) = limits.attempt(Subject::Login(&ada), here, at(0)).await {
                limits.succeeded(&own, at(0)).await;
            }
        }
        assert_eq!(guessed, 20, "the limit of the address, without the successes in between");
    }

    #[tokio::test]
    async fn undo_takes_the_attempt_back() {
        let (limits, ada) = (limits(), name(&["ada"]));
        let here = from("203.0.113.9");
        for _ in 0..1_000 {
            let attempt = limits.attempt(Subject::Login(&ada), here, at(0)).await.ok().unwrap();
            limits.undo(&attempt, at(0)).await;
        }
        assert_eq!(guesses(&limits, Subject::Login(&ada), here, HOUR).await, 5);
    }

    #[tokio::test]
    async fn attempt_admits_everything_without_limits() {
        let limits = AttemptLimits::unlimited();
        let ada = name(&["ada"]);
        assert_eq!(guesses(&limits, Subject::Login(&ada), from("203.0.113.9"), 0).await, 100);
        assert!(limits.registration(None, at(0)).await.is_ok());
    }
}
