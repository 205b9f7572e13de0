//! `Email::parse` agrees with FastAPI on recorded addresses, including the sentences of its errors.

use std::collections::BTreeMap;

use daybook_domain::Email;

#[test]
fn parse_agrees_with_recorded_verdicts() {
    let recorded: BTreeMap<String, String> =
        serde_json::from_str(include_str!("data/email_addresses.json")).unwrap();
    assert!(recorded.len() >= 38);
    for (address, expected) in recorded {
        let verdict = match Email::parse(&address) {
            Ok(_) => "valid".to_owned(),
            Err(error) => format!("value is not a valid email address: {error}"),
        };
        assert_eq!(verdict, expected, "{address:?}");
    }
}
