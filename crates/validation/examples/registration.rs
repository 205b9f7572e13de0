//! Reads a registration from standard input. Prints the status and the body of the response.
//!
//! Run with `echo '{"password": "abc"}' | cargo run -p daybook-validation --example registration`.

use std::io::{self, Read};

use daybook_validation::{Parser, sentence};
use garde::Validate;
use serde::Deserialize;
use serde_json::json;

const PARSER: Parser = Parser::new().secret_fields(&["password", "confirm_password"]);

#[derive(Deserialize, Validate)]
#[garde(context(Policy))]
#[garde(custom(passwords_match))]
struct Registration {
    #[garde(length(chars, max = 254))]
    email: String,
    #[garde(skip)]
    #[serde(default)]
    plan: Plan,
    #[garde(custom(long_enough))]
    password: String,
    #[garde(skip)]
    confirm_password: Option<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Plan {
    #[default]
    Free,
    Paid,
}

/// The rule that the operator configures.
struct Policy {
    min: usize,
}

fn long_enough(password: &str, policy: &Policy) -> garde::Result {
    if password.chars().count() < policy.min {
        return Err(garde::Error::new(sentence::string_too_short(policy.min)));
    }
    Ok(())
}

fn passwords_match(body: &Registration, _: &Policy) -> garde::Result {
    if body.confirm_password.as_ref().is_some_and(|again| *again != body.password) {
        return Err(garde::Error::new("Password and confirm_password must match"));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    match PARSER.json::<Registration>(&text, &Policy { min: 12 }) {
        Ok(body) => println!("201 {}", json!({ "email": body.email, "plan": format!("{:?}", body.plan) })),
        Err(issues) => println!("422 {:#}", json!({ "detail": issues })),
    }
    Ok(())
}
