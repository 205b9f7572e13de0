//! Summaries without a provider.

use std::future::pending;

use daybook_domain::{LanguageTag, Spent, SummaryLength, SummaryOptions, SummaryStatus};
use daybook_summarizer::Summarizer;

use crate::support::{note, run};

#[tokio::test]
async fn run_picks_sentences_without_a_provider() {
    let summarizer = Summarizer::extractive();
    let note = note("Milk and bread. A candle for the cake.");
    let (pieces, outcome) = run(&summarizer, &note).await;
    assert_eq!(pieces, [note.content.as_str()]);
    assert_eq!((outcome.status(), outcome.model.as_str()), (SummaryStatus::Completed, "extractive"));
    // 37 letters and spaces, and 9 of the title, are at most one token for three of them. Each full
    // stop is one.
    let spent = Spent { calls: 0, input_tokens: 17, output_tokens: 14, cost_micros: Some(0) };
    assert_eq!(outcome.spent, spent);
    assert_eq!(outcome.result.unwrap(), pieces[0]);
}

#[tokio::test]
async fn max_tokens_bounds_the_tokens_of_a_run_without_a_provider() {
    let summarizer = Summarizer::extractive();
    let long = "7,8. ".repeat(20_000);
    for content in ["", " ", "7", "7.7.7. 8. 9!", "\u{ad}", "\u{e0041}", "語。料理。", "🎂", &long] {
        for length in [SummaryLength::Short, SummaryLength::Medium, SummaryLength::Long] {
            let plan = summarizer.plan(&note(content), SummaryOptions { language: None, length });
            let bound = plan.max_tokens();
            let spent = plan.run(|_| {}, pending()).await.spent;
            let tokens = spent.input_tokens + spent.output_tokens;
            assert!(tokens > 0 && tokens <= bound, "{content:?}: {tokens} of {bound}");
        }
    }
}

#[tokio::test]
async fn run_returns_the_title_of_an_empty_note() {
    assert_eq!(run(&Summarizer::extractive(), &note("")).await.1.result.unwrap(), "Groceries");
}

#[test]
fn key_has_no_language_without_a_provider() {
    let options = SummaryOptions { language: LanguageTag::parse("de").ok(), length: SummaryLength::Long };
    let key = Summarizer::extractive().key(&note("Milk"), options);
    assert_eq!((key.options.language, key.options.length), (None, SummaryLength::Long));
    assert_eq!((key.asked_model.as_str(), key.prompt_version.as_str()), ("extractive", "extractive-2"));
}
