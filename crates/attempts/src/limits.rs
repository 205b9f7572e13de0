//! Counts password attempts and registrations against their quotas.

use std::net::IpAddr;

use daybook_throttle::{Bucket, Error, Quota, Refusal, Throttle};

use crate::account::{ACCOUNT, Account, network_key};
use crate::rate_limits::RateLimits;

/// Limits of password attempts: for each account, for each client that the account knows, and for
/// each network. Clones share all counters.
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
    account: (&'static str, String),
    address: String,
}

/// The name of the quota of a network, as a [`Refusal`] repeats it.
const ADDRESS: &str = "address";
/// The name of the quota of registrations from a network.
const REGISTRATION: &str = "registration";

impl AttemptLimits {
    /// Returns limits that count in this process only.
    ///
    /// They keep at most 65,536 counters in about 4 MB.
    #[must_use]
    pub fn new(limits: RateLimits) -> Self {
        let RateLimits { account, address } = limits;
        Self { limits: Some(Limits { throttle: Throttle::new(), account, address }) }
    }

    /// Returns limits that admit every attempt and every registration, for tests and measurements.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { limits: None }
    }

    /// Shares the limits with all instances that use the same Redis and the same namespace.
    ///
    /// The first attempt connects. While Redis does not answer, each instance counts on its own.
    /// The Tokio runtime of the caller keeps the connection, so it must outlive the limits.
    /// Unlimited attempts need no Redis, and the URL is then not used.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if the URL is not one of a Redis server.
    /// [`Error::Runtime`] if the caller is outside a Tokio runtime.
    pub fn with_redis(mut self, url: &str, namespace: &str) -> Result<Self, Error> {
        if let Some(limits) = &mut self.limits {
            limits.throttle = limits.throttle.clone().with_redis(url, namespace)?;
        }
        Ok(self)
    }

    /// Takes one attempt from the quotas of the account and of the network, or from neither.
    ///
    /// Call this before the password is verified.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if a quota is used up. Its `bucket` is `account`, `client` or `address`.
    pub async fn attempt(
        &self,
        account: Account<'_>,
        client: Option<IpAddr>,
        now: i64,
    ) -> Result<Attempt, Refusal> {
        let attempt = Attempt { account: account.bucket(client), address: network_key(client) };
        let Some(limits) = &self.limits else { return Ok(attempt) };
        limits.throttle.take(&limits.buckets(&attempt), now).await?;
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
        let network = network_key(client);
        let bucket = Bucket { name: REGISTRATION, key: &network, quota: limits.address };
        limits.throttle.take(&[bucket], now).await
    }

    /// Takes back the attempt of a right password: all attempts of its account or known client, and
    /// one of the network.
    ///
    /// If the network got all of its attempts back, a user could guess the passwords of others
    /// without a limit.
    pub async fn succeeded(&self, attempt: &Attempt, now: i64) {
        let Some(limits) = &self.limits else { return };
        let [account, address] = limits.buckets(attempt);
        limits.throttle.reset(&account).await;
        limits.throttle.give_back(&address, now).await;
    }

    /// Takes back an attempt whose password was not verified, for example because the service was
    /// overloaded.
    pub async fn undo(&self, attempt: &Attempt, now: i64) {
        let Some(limits) = &self.limits else { return };
        for bucket in limits.buckets(attempt) {
            limits.throttle.give_back(&bucket, now).await;
        }
    }
}

impl Limits {
    fn buckets<'a>(&self, attempt: &'a Attempt) -> [Bucket<'a>; 2] {
        let (name, key) = &attempt.account;
        let account = Bucket { name, key, quota: self.account };
        [account, Bucket { name: ADDRESS, key: &attempt.address, quota: self.address }]
    }
}

/// True if the quota of [`Account::Login`] or [`Account::Unknown`] is used up.
///
/// A client that the account knows may then still have a quota of its own: try
/// [`Account::KnownAddress`] or [`Account::KnownDevice`].
#[must_use]
pub fn is_about_account(refusal: &Refusal) -> bool {
    refusal.bucket == ACCOUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;
    const ADA: i64 = 1;

    fn limits() -> AttemptLimits {
        let limits = RateLimits { account: "5/10m".parse().unwrap(), address: "20/10m".parse().unwrap() };
        AttemptLimits::new(limits)
    }

    fn from(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    fn at(seconds: i64) -> i64 {
        1_800_000_000_000_000 + seconds * 1_000_000
    }

    /// Counts the admitted ones of 100 wrong attempts.
    async fn guesses(
        limits: &AttemptLimits,
        account: impl Fn() -> Account<'static>,
        from: Option<IpAddr>,
        when: i64,
    ) -> usize {
        let mut admitted = 0;
        for _ in 0..100 {
            admitted += usize::from(limits.attempt(account(), from, at(when)).await.is_ok());
        }
        admitted
    }

    #[tokio::test]
    async fn attempt_admits_few_guesses_in_a_day() {
        let limits = limits();
        let mut admitted = 0;
        for minute in 0..24 * 60 {
            // From several addresses at once.
            for host in 1..4 {
                let client = from(&format!("203.0.113.{host}"));
                admitted += guesses(&limits, || Account::Login(ADA), client, minute * 60).await;
            }
        }
        assert_eq!(admitted, 5 + 24 * 60 / 2 - 1);
    }

    #[tokio::test]
    async fn attempt_admits_known_clients_while_the_account_is_locked() {
        let limits = limits();
        let (stranger, home) = (from("203.0.113.9"), from("192.0.2.1"));
        assert_eq!(guesses(&limits, || Account::Login(ADA), stranger, 0).await, 5);
        assert!(limits.attempt(Account::Login(ADA), home, at(0)).await.is_err());
        assert!(limits.attempt(Account::KnownAddress(ADA), home, at(0)).await.is_ok());
        assert!(limits.attempt(Account::KnownDevice(7), stranger, at(0)).await.is_ok());
        assert!(limits.attempt(Account::Login(2), stranger, at(0)).await.is_ok());
        let refusal = limits.attempt(Account::Login(ADA), home, at(1)).await.err().unwrap();
        let again = 1 + i64::try_from(refusal.retry_after.as_secs()).unwrap();
        assert!(limits.attempt(Account::Login(ADA), home, at(again)).await.is_ok());
    }

    #[tokio::test]
    async fn succeeded_gives_the_address_one_attempt_back() {
        let limits = limits();
        let here = from("203.0.113.9");
        let mut guessed = 0;
        for victim in 2..1_000 {
            guessed += usize::from(limits.attempt(Account::Login(victim), here, at(0)).await.is_ok());
            if let Ok(own) = limits.attempt(Account::Login(ADA), here, at(0)).await {
                limits.succeeded(&own, at(0)).await;
            }
        }
        assert_eq!(guessed, 20, "the limit of the address, without the successes in between");
    }

    #[tokio::test]
    async fn undo_takes_the_attempt_back() {
        let limits = limits();
        let here = from("203.0.113.9");
        for _ in 0..1_000 {
            let attempt = limits.attempt(Account::Unknown("ada"), here, at(0)).await.ok().unwrap();
            limits.undo(&attempt, at(0)).await;
        }
        assert_eq!(guesses(&limits, || Account::Unknown("ada"), here, HOUR).await, 5);
    }

    #[tokio::test]
    async fn attempt_admits_everything_without_limits() {
        let limits = AttemptLimits::unlimited();
        assert_eq!(guesses(&limits, || Account::Login(ADA), from("203.0.113.9"), 0).await, 100);
        assert!(limits.registration(None, at(0)).await.is_ok());
    }

    #[tokio::test]
    async fn with_redis_rejects_a_bad_url_unless_the_limits_are_off() {
        assert!(matches!(limits().with_redis("127.0.0.1", "tests"), Err(Error::Url)));
        assert!(AttemptLimits::unlimited().with_redis("127.0.0.1", "tests").is_ok());
    }
}
