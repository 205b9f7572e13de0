//! Rate limits of password attempts: per account and per address, counted before anything is
//! hashed.

use daybook_domain::{Origin, SessionId, Timestamp, UserId};
use daybook_throttle::{Bucket, Quota, Refusal, Throttle};

use crate::client_address::network_of;
use crate::config::{RateLimits, RedisUrl};

/// The limits of this service, or none if they are switched off.
#[derive(Clone)]
pub(crate) struct AttemptLimits(Option<Limits>);

#[derive(Clone)]
struct Limits {
    throttle: Throttle,
    account: Quota,
    address: Quota,
}

/// The account that an attempt counts for.
pub(crate) enum Account<'a> {
    /// A login from a client that the account does not know.
    Login(UserId),
    /// A login under a name without an account. It has the same limit as any account.
    Unknown(&'a str),
    /// A login from an address that the account was registered from or logged in from before.
    KnownAddress(UserId),
    /// A login by a client that has a refresh token of this session.
    KnownDevice(SessionId),
    /// The password of a logged-in user, asked for again before a critical change.
    Confirmation(UserId),
}

/// An attempt that was admitted. It counts as a wrong password until [`AttemptLimits::succeeded`]
/// or [`AttemptLimits::undo`] takes it back.
#[must_use]
pub(crate) struct Attempt {
    account: (&'static str, String),
    address: String,
}

/// The names of the buckets, as clients see them.
const ACCOUNT: &str = "account";
const CLIENT: &str = "client";
const ADDRESS: &str = "address";
const REGISTRATION: &str = "registration";

impl Account<'_> {
    fn bucket(&self, origin: &Origin) -> (&'static str, String) {
        match self {
            Self::Login(user) => (ACCOUNT, format!("user {user}")),
            Self::Unknown(name) => (ACCOUNT, format!("name {name}")),
            Self::KnownAddress(user) => (CLIENT, format!("user {user} from {}", network(origin))),
            Self::KnownDevice(session) => (CLIENT, format!("session {session}")),
            Self::Confirmation(user) => (CLIENT, format!("confirmation {user}")),
        }
    }
}

impl AttemptLimits {
    /// Makes the configured limits, shared through Redis if there is one.
    pub(crate) fn new(
        limits: Option<RateLimits>,
        redis: Option<&RedisUrl>,
        namespace: &str,
    ) -> Result<Self, daybook_throttle::Error> {
        let Some(limits) = limits else { return Ok(Self(None)) };
        let throttle = match redis {
            Some(url) => Throttle::new().with_redis(url.expose(), namespace)?,
            None => Throttle::new(),
        };
        Ok(Self(Some(Limits { throttle, account: limits.account, address: limits.address })))
    }

    /// Takes one attempt from the quotas of the account and of the address, or from neither.
    ///
    /// # Errors
    ///
    /// The quota that is used up.
    pub(crate) async fn attempt(
        &self,
        account: Account<'_>,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Attempt, Refusal> {
        let attempt = Attempt { account: account.bucket(origin), address: network(origin) };
        let Some(limits) = &self.0 else { return Ok(attempt) };
        limits.throttle.take(&limits.buckets(&attempt), now.as_micros()).await?;
        Ok(attempt)
    }

    /// Takes one registration from the quota of the address.
    ///
    /// # Errors
    ///
    /// When the address has registered too many accounts.
    pub(crate) async fn registration(&self, origin: &Origin, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let network = network(origin);
        let bucket = Bucket { name: REGISTRATION, key: &network, quota: limits.address };
        limits.throttle.take(&[bucket], now.as_micros()).await
    }

    /// Takes back the attempt of a right password: all attempts of the account, and one of the
    /// address. If the address got all of its attempts back, a user could guess the passwords of
    /// others without a limit.
    pub(crate) async fn succeeded(&self, attempt: &Attempt, now: Timestamp) {
        let Some(limits) = &self.0 else { return };
        let [account, address] = limits.buckets(attempt);
        limits.throttle.reset(&account).await;
        limits.throttle.give_back(&address, now.as_micros()).await;
    }

    /// Takes back an attempt whose password was not verified.
    pub(crate) async fn undo(&self, attempt: &Attempt, now: Timestamp) {
        let Some(limits) = &self.0 else { return };
        for bucket in limits.buckets(attempt) {
            limits.throttle.give_back(&bucket, now.as_micros()).await;
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

/// The network whose clients share a limit. Clients without an address share one too.
fn network(origin: &Origin) -> String {
    origin.ip.map(|ip| network_of(ip).to_string()).unwrap_or_default()
}

/// True if the quota of the account is used up. A client that the account knows may then still have
/// one of its own.
pub(crate) fn is_about_account(refusal: &Refusal) -> bool {
    refusal.bucket == ACCOUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;
    const ADA: UserId = UserId(1);

    fn limits() -> AttemptLimits {
        let limits = RateLimits { account: "5/10m".parse().unwrap(), address: "20/10m".parse().unwrap() };
        AttemptLimits::new(Some(limits), None, "tests").unwrap()
    }

    fn from(address: &str) -> Origin {
        Origin { ip: Some(address.parse().unwrap()), user_agent: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).unwrap().plus_seconds(seconds)
    }

    /// Counts the admitted ones of 100 wrong attempts.
    async fn guesses(
        limits: &AttemptLimits,
        account: impl Fn() -> Account<'static>,
        from: &Origin,
        when: i64,
    ) -> usize {
        let mut admitted = 0;
        for _ in 0..100 {
            admitted += usize::from(limits.attempt(account(), from, at(when)).await.is_ok());
        }
        admitted
    }

    #[actix_web::test]
    async fn attempt_admits_few_guesses_in_a_day() {
        let limits = limits();
        let mut admitted = 0;
        for minute in 0..24 * 60 {
            // From several addresses at once.
            for host in 1..4 {
                let origin = from(&format!("203.0.113.{host}"));
                admitted += guesses(&limits, || Account::Login(ADA), &origin, minute * 60).await;
            }
        }
        assert_eq!(admitted, 5 + 24 * 60 / 2 - 1);
    }

    #[actix_web::test]
    async fn attempt_admits_known_clients_while_the_account_is_locked() {
        let limits = limits();
        let (stranger, home) = (from("203.0.113.9"), from("192.0.2.1"));
        assert_eq!(guesses(&limits, || Account::Login(ADA), &stranger, 0).await, 5);
        assert!(limits.attempt(Account::Login(ADA), &home, at(0)).await.is_err());
        assert!(limits.attempt(Account::KnownAddress(ADA), &home, at(0)).await.is_ok());
        assert!(limits.attempt(Account::KnownDevice(SessionId(7)), &stranger, at(0)).await.is_ok());
        assert!(limits.attempt(Account::Login(UserId(2)), &stranger, at(0)).await.is_ok());
        let refusal = limits.attempt(Account::Login(ADA), &home, at(1)).await.err().unwrap();
        let again = 1 + i64::try_from(refusal.retry_after.as_secs()).unwrap();
        assert!(limits.attempt(Account::Login(ADA), &home, at(again)).await.is_ok());
    }

    #[actix_web::test]
    async fn succeeded_gives_the_address_one_attempt_back() {
        let limits = limits();
        let here = from("203.0.113.9");
        let mut guessed = 0;
        for victim in 2..1_000 {
            guessed +=
                usize::from(limits.attempt(Account::Login(UserId(victim)), &here, at(0)).await.is_ok());
            if let Ok(own) = limits.attempt(Account::Login(ADA), &here, at(0)).await {
                limits.succeeded(&own, at(0)).await;
            }
        }
        assert_eq!(guessed, 20, "the limit of the address, without the successes in between");
    }

    #[actix_web::test]
    async fn undo_takes_the_attempt_back() {
        let limits = limits();
        let here = from("203.0.113.9");
        for _ in 0..1_000 {
            let attempt = limits.attempt(Account::Unknown("ada"), &here, at(0)).await.ok().unwrap();
            limits.undo(&attempt, at(0)).await;
        }
        assert_eq!(guesses(&limits, || Account::Unknown("ada"), &here, HOUR).await, 5);
    }

    #[actix_web::test]
    async fn attempt_admits_everything_without_limits() {
        let limits = AttemptLimits::new(None, None, "tests").unwrap();
        assert_eq!(guesses(&limits, || Account::Login(ADA), &from("203.0.113.9"), 0).await, 100);
        assert!(limits.registration(&Origin::default(), at(0)).await.is_ok());
    }
}
