//! Registers a user, logs in and uses the token: `cargo run -p daybook-auth --example login`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use daybook_auth::{Hasher, HasherOptions, Password, PasswordPolicy, Secret, TokenKeys, Verdict};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let context = ["ada@example.com", "ada"];
    let password = Password::new("a notebook under the stairs".to_owned());
    PasswordPolicy::Nist.check(password.expose(), &context)?;
    if let Err(violation) = PasswordPolicy::Nist.check("passwordpassword123", &context) {
        println!("a weak password: {violation}");
    }

    let hasher = Hasher::new(HasherOptions::default())?;
    let stored = hasher.hash(password.clone()).await?;
    let started = Instant::now();
    let verdict = hasher.verify(password, stored).await?;
    println!("the right password: {verdict:?} after {} ms", started.elapsed().as_millis());
    let started = Instant::now();
    hasher.verify_absent(Password::new("anything".to_owned())).await?;
    println!("a user who does not exist: no verdict after {} ms", started.elapsed().as_millis());
    if verdict == Verdict::Wrong {
        return Err("the password should be right".into());
    }

    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let keys = TokenKeys::new(Secret::generate()?);
    let token = keys.issue(42, 7, now)?;
    println!("a token of {} bytes: {:?}", token.len(), keys.verify(&token, now)?);
    println!("an hour later: {:?}", keys.verify(&token, now + 3600).map(|_| ()));
    Ok(())
}
