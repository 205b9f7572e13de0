//! Reads and forges access tokens without the code of the service.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url without padding");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Returns the header of a token, unverified.
pub(crate) fn header_of(token: &str) -> Value {
    part(token, 0)
}

/// Returns the claims of a token, unverified.
pub(crate) fn claims_of(token: &str) -> Value {
    part(token, 1)
}

/// Returns a token with any header and claims, signed with HMAC-SHA256.
///
/// Python signs it, so the tests do not depend on the library that they test.
pub(crate) fn forge(secret: &str, header: &Value, claims: &Value) -> String {
    const SCRIPT: &str = "\
import base64, hmac, sys
signature = hmac.digest(sys.argv[1].encode(), sys.argv[2].encode(), 'sha256')
print(base64.urlsafe_b64encode(signature).decode().rstrip('='))";
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let output = Command::new("python3").args(["-c", SCRIPT, secret, &message]).output();
    let output = output.expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let signature = String::from_utf8_lossy(&output.stdout);
    format!("{message}.{}", signature.trim())
}
