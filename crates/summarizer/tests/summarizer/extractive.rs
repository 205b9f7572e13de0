//! Summaries without a provider.

use daybook_domain::{LanguageTag, Spent, SummaryLength, SummaryOptions, SummaryStatus};
use daybook_summarizer::Summarizer;

use crate::support::{note, run};

#[tokio::test]
async fn run_picks_sentences_without_a_provider() {
    let summarizer = Summarizer::extractive();
    let note = note("Milk and bread. A candle for the cake.");
    assert_eq!(summarizer.plan(&note, SummaryOptions::default()).max_tokens(), 0);
    let (pieces, outcome) = run(&summarizer, &note).await;
    assert_eq!(pieces, [note.content.as_str()]);
    assert_eq!((outcome.status(), outcome.model.as_str()), (SummaryStatus::Completed, "extractive"));
    assert_eq!(outcome.spent, Spent { cost_micros: Some(0), ..Spent::default() });
    assert_eq!(outcome.result.unwrap(), pieces[0]);
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
