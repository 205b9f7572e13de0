use serde_json::{Map, Value};

use super::{Claims, TOKEN_MAX, TokenError, TokenKeys, decode, object};

/// Why a token is good or not, for a person who operates the service.
///
/// It shows what anybody who has the token can read in it, but neither its signature nor a secret: nobody gets in with it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The header as it stands, of a forged token too; of names that stand twice, the last. `None` when it is no JSON object in
    /// base64url, or the token is longer than 4 KiB.
    pub header: Option<Map<String, Value>>,
    /// The key that has really signed the token with HS256, whatever the header says; `None` if none of ours has.
    pub signed_by: Option<Signer>,
    /// The claims as they stand, under the conditions of the header. Believe them only if the verdict is good.
    pub claims: Option<Map<String, Value>>,
    /// What [`TokenKeys::verify`] says.
    pub verdict: Result<Claims, TokenError>,
}

/// Which of the [`TokenKeys`] has signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The one that signs.
    Current,
    /// One of those that only verify.
    Previous,
}

impl TokenKeys {
    /// Takes a token apart, at the time `now` (in seconds since 1970), and says why [`TokenKeys::verify`] accepts it or not.
    #[must_use]
    pub fn explain(&self, token: &str, now: i64) -> Explanation {
        let readable = token.len() <= TOKEN_MAX;
        let mut parts = token.split('.').filter(|_| readable).map(|part| object(&decode(part).ok()?));
        let header: Option<Map<String, Value>> = parts.next().flatten();
        Explanation {
            header,
            signed_by: token.rsplit_once('.').filter(|_| readable).and_then(|parts| self.signer(parts)),
            claims: parts.next().flatten(),
            verdict: self.verify(token, now),
        }
    }

    fn signer(&self, (message, signature): (&str, &str)) -> Option<Signer> {
        if self.current.has_signed(message, signature) {
            return Some(Signer::Current);
        }
        let previous = self.previous.iter().any(|key| key.has_signed(message, signature));
        previous.then_some(Signer::Previous)
    }
}
