//! A token of Python's PyJWT 2.15 and a hash of pwdlib 0.3, made by:
//!
//! ```sh
//! python3 -m venv v && v/bin/pip install pyjwt 'pwdlib[argon2]'
//! v/bin/python -c 'import jwt; print(jwt.encode(
//!     {"user_id": "42", "iat": 1800000000, "exp": 1800001800},
//!     "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6", algorithm="HS256"))'
//! v/bin/python -c 'import pwdlib; print(
//!     pwdlib.PasswordHash.recommended().hash("pässwörd 1 \U0001F511"))'
//! ```

use daybook_auth::{
    Claims, Hasher, HasherOptions, Password, PasswordHash, Secret, TokenError, TokenKeys, Verdict,
};

const SECRET: &str = "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6";
const TOKEN: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
    "eyJ1c2VyX2lkIjoiNDIiLCJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMTgwMH0.",
    "PySYOTWOEMrCMFUWro8L7PcpmScdvI1ZS5tA-YH7HvE",
);
const HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$MyeaZPHUU1vE52HLLsFTfA$3hB0wOuu/o33qP+Jtg/+RAa35nB5I4HahrN+A+SuIos";

#[test]
fn verify_accepts_a_token_of_pyjwt_as_legacy() {
    let keys = TokenKeys::new(Secret::parse(SECRET).unwrap()).accept_legacy(true);
    let claims = Claims {
        user_id: 42,
        session_id: None,
        issued_at: 1_800_000_000,
        expires_at: 1_800_001_800,
        token_id: None,
    };
    assert_eq!(keys.verify(TOKEN, 1_800_000_000).unwrap(), claims);
    assert!(matches!(keys.verify(TOKEN, 1_800_001_800), Err(TokenError::Expired)));

    let rotated =
        TokenKeys::new(Secret::generate().unwrap()).with_previous(vec![Secret::parse(SECRET).unwrap()]);
    assert!(
        matches!(rotated.verify(TOKEN, 1_800_000_000), Err(TokenError::Invalid(_))),
        "legacy tokens are off by default"
    );
    assert_eq!(rotated.accept_legacy(true).verify(TOKEN, 1_800_000_000).unwrap(), claims);
}

#[tokio::test]
async fn verify_accepts_a_hash_of_pwdlib_as_current() {
    let hasher = Hasher::new(HasherOptions::with_threads(1)).unwrap();
    let stored = PasswordHash::from_stored(HASH.to_owned());
    let verify = |text: &str| hasher.verify(Password::new(text.to_owned()), stored.clone());
    assert_eq!(verify("pässwörd 1 \u{1F511}").await.unwrap(), Verdict::Right);
    assert_eq!(verify("pässwörd 1 \u{1F510}").await.unwrap(), Verdict::Wrong);
}
