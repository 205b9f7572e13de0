//! How often a password may be tried: for each account and from each address, counted before anything is hashed.

use daybook_domain::{Origin, SessionId, Timestamp, UserId};
use daybook_throttle::{Bucket, Quota, Refusal, Throttle};

use crate::client_address::network_of;
use crate::config::{RateLimits, RedisUrl};

/// The limits of this service; without any when they are switched off.
#[derive(Clone)]
pub(crate) struct Limiter(Option<Limits>);

#[derive(Clone)]
struct Limits {
    throttle: Throttle,
    account: Quota,
    address: Quota,
}

/// What a password is tried for.
pub(crate) enum Account<'a> {
    /// The login of an account, from a client that nobody knows.
    Login(UserId),
    /// A login under a name that nobody has: refused after as many tries as any other.
    Nobody(&'a str),
    /// The login of an account from an address that it was registered or logged in from before.
    KnownAddress(UserId),
    /// The login of an account by a client that holds a refresh token of this session.
    KnownDevice(SessionId),
    /// The confirmation of something that only the owner may do.
    Confirmation(UserId),
}

/// A try that was let through. Say how it ended, or it counts as one that was wrong.
#[must_use]
pub(crate) struct Attempt {
    account: (&'static str, String),
    address: String,
}

/// The buckets' names, as clients are told them.
const ACCOUNT: &str = "account";
const CLIENT: &str = "client";
const ADDRESS: &str = "address";
const REGISTRATION: &str = "registration";

impl Account<'_> {
    fn bucket(&self, origin: &Origin) -> (&'static str, String) {
        match self {
            Self::Login(user) => (ACCOUNT, format!("user {user}")),
            Self::Nobody(name) => (ACCOUNT, format!("name {name}")),
            Self::KnownAddress(user) => (CLIENT, format!("user {user} from {}", network(origin))),
            Self::KnownDevice(session) => (CLIENT, format!("session {session}")),
            Self::Confirmation(user) => (CLIENT, format!("confirmation {user}")),
        }
    }
}

impl Limiter {
    /// The configured limits, shared through Redis when there is one.
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

    /// Takes a try of a password from the account and from the address, or from neither.
    ///
    /// # Errors
    ///
    /// What has been used up.
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

    /// Takes an account that is to be opened from the address.
    ///
    /// # Errors
    ///
    /// When too many were opened from there.
    pub(crate) async fn registration(&self, origin: &Origin, now: Timestamp) -> Result<(), Refusal> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let network = network(origin);
        let bucket = Bucket { name: REGISTRATION, key: &network, quota: limits.address };
        limits.throttle.take(&[bucket], now.as_micros()).await
    }

    /// The password was right: the account's tries are forgotten, and the address has this one back. Not all of them, or whoever has
    /// an account could guess at others for ever.
    pub(crate) async fn succeeded(&self, attempt: &Attempt, now: Timestamp) {
        let Some(limits) = &self.0 else { return };
        let [account, address] = limits.buckets(attempt);
        limits.throttle.reset(&account).await;
        limits.throttle.give_back(&address, now.as_micros()).await;
    }

    /// Nothing was tried after all.
    pub(crate) async fn undone(&self, attempt: &Attempt, now: Timestamp) {
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

/// Whose clients share a limit. All that come over no network at all share one too.
fn network(origin: &Origin) -> String {
    origin.ip.map(|ip| network_of(ip).to_string()).unwrap_or_default()
}

/// Whether a refusal is about the account, so that a known client may still be let through.
pub(crate) fn is_about_account(refusal: &Refusal) -> bool {
    refusal.bucket == ACCOUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;
    const ADA: UserId = UserId(1);

    fn limiter() -> Limiter {
        let limits = RateLimits { account: "5/10m".parse().unwrap(), address: "20/10m".parse().unwrap() };
        Limiter::new(Some(limits), None, "tests").unwrap()
    }

    fn from(address: &str) -> Origin {
        Origin { ip: Some(address.parse().unwrap()), user_agent: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).unwrap().plus_seconds(seconds)
    }

    /// How many of so many wrong tries are let through.
    async fn guesses(
        limiter: &Limiter,
        account: impl Fn() -> Account<'static>,
        from: &Origin,
        when: i64,
    ) -> usize {
        let mut admitted = 0;
        for _ in 0..100 {
            admitted += usize::from(limiter.attempt(account(), from, at(when)).await.is_ok());
        }
        admitted
    }

    #[actix_web::test]
    async fn guessing_for_a_day_gives_few_guesses() {
        let limiter = limiter();
        let mut admitted = 0;
        for minute in 0..24 * 60 {
            // From everywhere at once.
            for host in 1..4 {
                let origin = from(&format!("203.0.113.{host}"));
                admitted += guesses(&limiter, || Account::Login(ADA), &origin, minute * 60).await;
            }
        }
        assert_eq!(admitted, 5 + 24 * 60 / 2 - 1);
    }

    #[actix_web::test]
    async fn a_locked_account_is_open_to_those_it_knows_and_soon_to_all() {
        let limiter = limiter();
        let (stranger, home) = (from("203.0.113.9"), from("192.0.2.1"));
        assert_eq!(guesses(&limiter, || Account::Login(ADA), &stranger, 0).await, 5);
        assert!(limiter.attempt(Account::Login(ADA), &home, at(0)).await.is_err());
        assert!(limiter.attempt(Account::KnownAddress(ADA), &home, at(0)).await.is_ok());
        assert!(limiter.attempt(Account::KnownDevice(SessionId(7)), &stranger, at(0)).await.is_ok());
        assert!(limiter.attempt(Account::Login(UserId(2)), &stranger, at(0)).await.is_ok());
        let refusal = limiter.attempt(Account::Login(ADA), &home, at(1)).await.err().unwrap();
        let again = 1 + i64::try_from(refusal.retry_after.as_secs()).unwrap();
        assert!(limiter.attempt(Account::Login(ADA), &home, at(again)).await.is_ok());
    }

    #[actix_web::test]
    async fn an_account_of_ones_own_does_not_help_to_guess_at_others() {
        let limiter = limiter();
        let here = from("203.0.113.9");
        let mut guessed = 0;
        for victim in 2..1_000 {
            guessed +=
                usize::from(limiter.attempt(Account::Login(UserId(victim)), &here, at(0)).await.is_ok());
            if let Ok(own) = limiter.attempt(Account::Login(ADA), &here, at(0)).await {
                limiter.succeeded(&own, at(0)).await;
            }
        }
        assert_eq!(guessed, 20, "what the address may try, and no more for the successes in between");
    }

    #[actix_web::test]
    async fn what_was_not_heard_does_not_count() {
        let limiter = limiter();
        let here = from("203.0.113.9");
        for _ in 0..1_000 {
            let attempt = limiter.attempt(Account::Nobody("ada"), &here, at(0)).await.ok().unwrap();
            limiter.undone(&attempt, at(0)).await;
        }
        assert_eq!(guesses(&limiter, || Account::Nobody("ada"), &here, HOUR).await, 5);
    }

    #[actix_web::test]
    async fn switched_off_it_refuses_nothing() {
        let limiter = Limiter::new(None, None, "tests").unwrap();
        assert_eq!(guesses(&limiter, || Account::Login(ADA), &from("203.0.113.9"), 0).await, 100);
        assert!(limiter.registration(&Origin::default(), at(0)).await.is_ok());
    }
}
