//! `daybook token explain`: why an access token is valid or not.

use std::io::{self, Read};
use std::process::ExitCode;

use clap::Subcommand;
use daybook_auth::{Claims, Explanation, Signer, TokenKeys};
use daybook_domain::{SessionId, Timestamp, UserId};
use daybook_persistence::{Activity, Database};
use serde_json::{Map, Value};

use crate::config::Config;
use crate::failure::Failure;
use crate::token_keys;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Explains why an access token is valid or not; exits with 1 if it is not
    Explain {
        /// The token; read from standard input if it is absent, so that it need not be in the
        /// shell's history
        token: Option<String>,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<ExitCode, Failure> {
    let Command::Explain { token } = command;
    let token = match token {
        Some(token) => token,
        None => io::read_to_string(io::stdin().take(MAX))?,
    };
    let keys = token_keys::existing(&config)?;
    let now = Timestamp::now();
    let token = token.trim();
    let explanation = explain(&keys, token.strip_prefix("Bearer ").unwrap_or(token), now);
    let good = match &explanation.verdict {
        Ok(claims) => explain_session(&config, claims, now).await?,
        Err(_) => false,
    };
    println!("{}", if good { "good" } else { "not good" });
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// In bytes; longer than any token that could be valid.
const MAX: u64 = 64 * 1024;

fn explain(keys: &TokenKeys, token: &str, now: Timestamp) -> Explanation {
    let explanation = keys.explain(token, now.as_seconds());
    println!("header: {}", shown(explanation.header.as_ref()));
    println!(
        "signature: {}",
        match explanation.signed_by {
            Some(Signer::Current) => "by JWT_SECRET_KEY",
            Some(Signer::Previous) => "by one of JWT_PREVIOUS_SECRET_KEYS",
            _ => "by none of the configured keys",
        }
    );
    println!("claims: {}", shown(explanation.claims.as_ref()));
    for (name, meaning) in [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")] {
        let time = explanation
            .claims
            .as_ref()
            .and_then(|claims| claims.get(name)?.as_f64())
            .map(|seconds| seconds as i64);
        let time = time.and_then(|seconds| Timestamp::from_micros(seconds.checked_mul(1_000_000)?));
        if let Some(time) = time {
            println!("{meaning}: {time}");
        }
    }
    match &explanation.verdict {
        Ok(claims) => println!("token: valid for {} more seconds", claims.expires_at - now.as_seconds()),
        Err(error) => println!("token: {error}"),
    }
    explanation
}

/// One line of JSON, so that a forged token cannot print lines of its own.
fn shown(part: Option<&Map<String, Value>>) -> String {
    part.map_or_else(|| "cannot be read".to_owned(), |part| serde_json::to_string(part).unwrap_or_default())
}

/// Prints the state of the token's session. Returns true if the token is valid for it.
async fn explain_session(config: &Config, claims: &Claims, now: Timestamp) -> Result<bool, Failure> {
    if let Some(path) = config.database_url.sqlite_path()
        && !path.exists()
    {
        // Opening the database would create its file.
        println!("session: there is no database at {}", path.display());
        return Ok(false);
    }
    let database = Database::open(&config.database_url)?;
    let user = UserId(claims.user_id);
    let Some(session) = claims.session_id else {
        let issued_at = Timestamp::from_micros(claims.issued_at.saturating_mul(1_000_000)).unwrap_or(now);
        let good = database.is_unchanged_since(user, issued_at).await?;
        let ending = if good { "nothing has ended it" } else { "it was ended, or its user is gone" };
        println!("session: none, and {ending}");
        return Ok(good);
    };
    let activity = database.live_session(user, SessionId(session), now).await?;
    match &activity {
        Some(Activity { created_at, last_used_at }) => {
            println!("session: {session} lives, opened {created_at}, last used {last_used_at}");
        }
        None => println!("session: {session} has ended or expired, or its user is gone"),
    }
    Ok(activity.is_some())
}
