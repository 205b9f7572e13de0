//! Tokens, looked into and made by others than the service.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url without padding");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The header of a token, unverified.
pub(crate) fn header_of(token: &str) -> Value {
    part(token, 0)
}

/// The claims of a token, unverified.
pub(crate) fn claims_of(token: &str) -> Value {
    part(token, 1)
}

/// A token with any header and claims, signed with HMAC-SHA256.
pub(crate) fn forge(secret: &str, header: &Value, claims: &Value) -> String {
    const SCRIPT: &str =
        "import hmac, sys\nprint(hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), 'sha256').hexdigest())";
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let output = std::process::Command::new("python3").args(["-c", SCRIPT, secret, &message]).output();
    let output = output.expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let digits = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
    let signature: Vec<u8> = bytes.collect::<Result<_, _>>().expect("hexadecimal digits");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
