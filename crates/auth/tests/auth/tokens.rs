//! Issuing and verifying access tokens: lifetime, clocks, and key rotation.

use daybook_auth::{ACCESS_TOKEN_SECONDS, Claims, Secret, TokenError, TokenKeys};

const NOW: i64 = 1_800_000_000;

fn secret() -> Secret {
    Secret::generate().unwrap()
}

#[test]
fn verify_returns_the_claims_of_an_issued_token() {
    let keys = TokenKeys::new(secret());
    let token = keys.issue(i64::MAX, 7, NOW).unwrap();
    assert!(token.len() < 300, "{}", token.len());
    let Claims { user_id, session_id, issued_at, expires_at, token_id } = keys.verify(&token, NOW).unwrap();
    assert_eq!((user_id, session_id), (i64::MAX, Some(7)));
    assert_eq!((issued_at, expires_at), (NOW, NOW + ACCESS_TOKEN_SECONDS));
    assert_eq!(token_id.unwrap().len(), 22, "128 bits in base64url");
}

#[test]
fn issue_never_repeats_a_token() {
    let keys = TokenKeys::new(secret());
    assert_ne!(keys.issue(1, 1, NOW).unwrap(), keys.issue(1, 1, NOW).unwrap());
}

#[test]
fn verify_accepts_a_token_until_the_second_of_its_expiry() {
    let keys = TokenKeys::new(secret());
    let token = keys.issue(1, 1, NOW).unwrap();
    assert!(keys.verify(&token, NOW + ACCESS_TOKEN_SECONDS - 1).is_ok());
    assert!(matches!(keys.verify(&token, NOW + ACCESS_TOKEN_SECONDS), Err(TokenError::Expired)));
    assert!(matches!(keys.verify(&token, i64::MAX), Err(TokenError::Expired)));
}

#[test]
fn verify_accepts_an_issuer_clock_that_is_five_seconds_ahead() {
    let keys = TokenKeys::new(secret());
    let token = keys.issue(1, 1, NOW).unwrap();
    assert!(keys.verify(&token, NOW - 5).is_ok());
    assert!(matches!(keys.verify(&token, NOW - 6), Err(TokenError::Invalid(_))));
    assert!(matches!(keys.verify(&token, i64::MIN), Err(TokenError::Invalid(_))));
}

#[test]
fn issue_rejects_ids_that_are_not_positive_and_times_out_of_range() {
    let keys = TokenKeys::new(secret());
    for (user_id, session_id, now) in [(0, 1, NOW), (-1, 1, NOW), (1, 0, NOW), (1, -1, NOW), (1, 1, i64::MAX)]
    {
        assert!(matches!(keys.issue(user_id, session_id, now), Err(TokenError::Invalid(_))));
    }
}

#[test]
fn verify_accepts_previous_keys_and_rejects_unknown_keys() {
    let (old, new, other) = (secret(), secret(), secret());
    let before = TokenKeys::new(old.clone());
    let during = TokenKeys::new(new.clone()).with_previous(vec![other, old]);
    let after = TokenKeys::new(new);
    let old_token = before.issue(1, 1, NOW).unwrap();
    let new_token = during.issue(1, 1, NOW).unwrap();
    assert!(during.verify(&old_token, NOW).is_ok());
    assert!(during.verify(&new_token, NOW).is_ok());
    assert!(after.verify(&new_token, NOW).is_ok());
    assert!(matches!(after.verify(&old_token, NOW), Err(TokenError::Invalid("unknown key id"))));
    assert!(matches!(before.verify(&new_token, NOW), Err(TokenError::Invalid("unknown key id"))));
}

/// The instances change from the old key to the new one in three steps, one instance after the
/// other. Two instances that are at most one step apart accept each other's tokens.
#[test]
fn rotation_in_three_steps_rejects_no_valid_token() {
    let (old, new) = (secret(), secret());
    let with = |current: &Secret, previous: &[&Secret]| {
        TokenKeys::new(current.clone())
            .with_previous(previous.iter().map(|secret| (*secret).clone()).collect())
    };
    let steps = [with(&old, &[]), with(&old, &[&new]), with(&new, &[&old]), with(&new, &[])];
    // The last step follows when the last token of the old key has expired.
    let times = [NOW, NOW, NOW, NOW + ACCESS_TOKEN_SECONDS];
    for (here, there) in (0..4).flat_map(|here| (0..4).map(move |there| (here, there))) {
        let token = steps[here].issue(1, 1, times[here]).unwrap();
        let now = times[here].max(times[there]);
        let refused = match steps[there].verify(&token, now) {
            Ok(_) => false,
            // A rejection counts only while the token is valid.
            Err(_) => now < times[here] + ACCESS_TOKEN_SECONDS,
        };
        assert!(!refused || here.abs_diff(there) > 1, "step {there} rejects a token of step {here}");
    }
}

#[test]
fn debug_hides_the_secrets() {
    let (current, previous) = (secret(), secret());
    let keys = TokenKeys::new(current.clone()).with_previous(vec![previous.clone()]);
    let debug = format!("{keys:?}");
    assert!(debug.contains("accept_legacy: false"), "{debug}");
    assert!(debug.contains("Key { id: "), "{debug}");
    assert!(!debug.contains(current.expose()) && !debug.contains(previous.expose()));
}
