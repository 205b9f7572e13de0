//! Keeps a journal in a database:
//! `cargo run -p daybook-persistence --example journal -- sqlite://journal.db "Dear diary"`.

use daybook_domain::{Email, LoginName, NoteDraft, Origin, PageRequest, Timestamp, UserId, Username};
use daybook_persistence::{Database, DatabaseUrl, Error, NewUser};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(text)) = (arguments.next(), arguments.next()) else {
        return Err("usage: journal URL TEXT".into());
    };
    let database = Database::open(&url.parse::<DatabaseUrl>()?)?;
    database.migrate().await?;
    let writer = writer(&database).await?;
    let now = Timestamp::now();
    database.create_note(writer, NoteDraft::parse(&now.to_string(), &text)?, now).await?;
    for note in database.notes(writer, PageRequest::default()).await?.items {
        println!("{}: {}", note.title, note.content);
    }
    Ok(())
}

/// Returns the journal's only account, and creates it if it does not exist.
async fn writer(database: &Database) -> Result<UserId, Box<dyn std::error::Error>> {
    let email = Email::parse("writer@example.com")?;
    let new = NewUser::new(email, Username::parse("writer")?, String::new());
    match database.register(new, Origin::default(), Timestamp::now()).await {
        Ok(user) => Ok(user.id),
        Err(Error::Conflict(_)) => {
            Ok(database.credentials(&LoginName::new("writer")).await?.ok_or("the account was deleted")?.user)
        }
        Err(other) => Err(other.into()),
    }
}
