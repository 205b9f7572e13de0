//! Summarizes standard input and shows the summary while it is written.
//!
//! `[OPENAI_SECRET_KEY=…] summarize [BASE_URL [MODEL]] < note.txt`. Without a key, the example
//! picks sentences of the note. A local server accepts any key.

use std::env;
use std::error::Error;
use std::future::pending;
use std::io::{Read, Write};

use daybook_ai_client::{ApiKey, Client};
use daybook_domain::{Content, Note, NoteId, SummaryOptions, Timestamp, Title};
use daybook_summarizer::{Model, Summarizer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let base = arguments.next().unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let model = arguments.next().unwrap_or_else(|| "gpt-5-nano".to_owned());
    let summarizer = match env::var("OPENAI_SECRET_KEY") {
        Ok(key) => {
            let client = Client::builder(ApiKey::new(key)?).base_url(base.parse()?).build()?;
            Summarizer::provider(Model::new(client, model))
        }
        Err(_) => Summarizer::extractive(),
    };

    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let note = Note::new(NoteId(1), Title::parse("Note")?, Content::parse(&text)?, Timestamp::now());

    let plan = summarizer.plan(&note, SummaryOptions::default());
    eprintln!("at most {} tokens", plan.max_tokens());
    let show = |text: &str| {
        print!("{text}");
        // A closed pipe is no reason to stop the run.
        let _ = std::io::stdout().flush();
    };
    let outcome = plan.run(show, pending()).await;
    println!();
    eprintln!("{}: {:?} after {:?}", outcome.model, outcome.spent, outcome.latency);
    outcome.result?;
    Ok(())
}
