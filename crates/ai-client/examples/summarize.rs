//! Summarizes standard input with any server that implements the Responses API, as a stream.
//!
//! `OPENAI_SECRET_KEY=… summarize [BASE_URL [MODEL]] < note.txt`; a local server accepts any key.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};

use daybook_ai_client::{ApiKey, Client, Event, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let base_url = arguments.next().unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let model = arguments.next().unwrap_or_else(|| "gpt-5-nano".to_owned());
    let key = env::var("OPENAI_SECRET_KEY").unwrap_or_else(|_| "local".to_owned());

    let mut note = String::new();
    io::stdin().read_to_string(&mut note)?;

    let client = Client::builder(ApiKey::new(key)?).base_url(base_url.parse()?).build()?;
    let request = Request::new(model, note)
        .instructions("Summarize the user's note in at most three sentences, in the language of the note.")
        .max_output_tokens(2_000);
    let mut stream = client.stream(&request).await?;
    while let Some(event) = stream.next().await {
        match event? {
            Event::TextDelta(text) => print!("{text}"),
            Event::Completed(response) => {
                println!();
                if let Some(usage) = response.usage {
                    let (input, output) = (usage.input_tokens, usage.output_tokens);
                    eprintln!("{}: {input} input tokens, {output} output tokens", response.model);
                }
            }
            _ => {}
        }
        io::stdout().flush()?;
    }
    Ok(())
}
