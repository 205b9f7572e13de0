//! Summarises standard input with any server that speaks the Responses API, and shows the summary as it is written.
//!
//! `OPENAI_SECRET_KEY=… summarise [BASE_URL [MODEL]] < note.txt`; a local server takes any word as its key.

use std::env;
use std::error::Error;
use std::io::{Read, Write};

use daybook_ai_client::{ApiKey, Client, Event, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let base = arguments.next().unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let model = arguments.next().unwrap_or_else(|| "gpt-5-nano".to_owned());
    let key = env::var("OPENAI_SECRET_KEY").unwrap_or_else(|_| "local".to_owned());

    let mut note = String::new();
    std::io::stdin().read_to_string(&mut note)?;

    let client = Client::builder(ApiKey::new(key)?).base_url(base.parse()?).build()?;
    let request = Request::new(model, note)
        .instructions("Summarise the user's note in at most three sentences, in the language of the note.")
        .max_output_tokens(2_000);
    let mut stream = client.stream(&request).await?;
    while let Some(event) = stream.next().await {
        match event? {
            Event::TextDelta(piece) => print!("{piece}"),
            Event::Completed(response) => {
                println!();
                if let Some(usage) = response.usage {
                    eprintln!(
                        "{}: {} tokens read, {} made",
                        response.model, usage.input_tokens, usage.output_tokens
                    );
                }
            }
            _ => {}
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
