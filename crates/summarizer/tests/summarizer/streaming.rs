//! A note that fits into one call.

use daybook_domain::{LanguageTag, Spent, SummaryLength, SummaryOptions, SummaryStatus};
use daybook_summarizer::{Prices, Summarizer};
use serde_json::json;

use crate::support::{completed, model, note, provider, requests, run, stream, whole};

#[tokio::test]
async fn run_streams_sanitized_text_and_reports_the_usage() {
    let text = "  A \u{202e}list of milk.\n";
    let provider =
        provider(stream(&["  A \u{202e}", "\u{202e}", "list of", " milk.\n"], &completed(text))).await;
    let (pieces, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
    assert_eq!(pieces, ["A ", "list of", " milk.\n"]);
    assert_eq!(outcome.status(), SummaryStatus::Completed);
    assert_eq!(outcome.result.unwrap(), "A list of milk.");
    assert_eq!(outcome.model, "gpt-5-nano-2025-08-07");
    assert_eq!(outcome.response_id.as_deref(), Some("resp_1"));
    // 96 tokens at 5 cents per million and 14 tokens at 40 cents per million, rounded up.
    let spent = Spent { calls: 1, input_tokens: 96, output_tokens: 14, cost_micros: Some(11) };
    assert_eq!(outcome.spent, spent);
}

#[tokio::test]
async fn run_sends_the_note_as_data_and_the_options_as_instructions() {
    let provider = provider(whole(completed("A list."))).await;
    let summarizer = Summarizer::provider(model(&provider.uri()));
    let options = SummaryOptions { language: LanguageTag::parse("pt-BR").ok(), length: SummaryLength::Short };
    let plan = summarizer.plan(&note("Milk"), options);
    plan.run(|_| {}, std::future::pending()).await.result.unwrap();
    let requests = requests(&provider).await;
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((&request["model"], &request["store"]), (&json!("gpt-5-nano"), &json!(false)));
    assert_eq!((&request["stream"], &request["max_output_tokens"]), (&json!(true), &json!(4_000)));
    let instructions = request["instructions"].as_str().unwrap();
    assert!(instructions.ends_with("tag pt-br, as plain text without markup, in one sentence or two."));
    assert!(!instructions.contains("Milk"));
    let text = request["input"][0]["content"][0]["text"].as_str().unwrap();
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!((lines.len(), lines[0]), (3, lines[2]), "{text}");
    assert_eq!(lines[1], r#"{"content":"Milk","title":"Groceries"}"#);
}

#[tokio::test]
async fn run_accepts_a_response_that_is_not_streamed() {
    let provider = provider(whole(completed("A list."))).await;
    let (pieces, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
    assert_eq!((pieces.concat(), outcome.result.unwrap()), ("A list.".to_owned(), "A list.".to_owned()));
}

#[tokio::test]
async fn run_estimates_the_usage_if_the_provider_reports_none() {
    let mut response = completed("A list.");
    for field in ["usage", "model", "id"] {
        response[field] = json!(null);
    }
    let provider = provider(whole(response)).await;
    let model = model(&provider.uri()).prices(Prices::parse("other=1/1").unwrap());
    let summarizer = Summarizer::provider(model);
    let bound = summarizer.plan(&note("Milk"), SummaryOptions::default()).max_tokens();
    let (_, outcome) = run(&summarizer, &note("Milk")).await;
    assert_eq!((outcome.model.as_str(), outcome.response_id), ("gpt-5-nano", None));
    let Spent { calls, input_tokens, output_tokens, cost_micros } = outcome.spent;
    assert_eq!((calls, output_tokens, cost_micros), (1, 3, None));
    assert!((1..bound).contains(&input_tokens), "{input_tokens} of {bound}");
}

#[tokio::test]
async fn run_ignores_impossible_usage_and_names() {
    let mut response = completed("A list.");
    response["id"] = json!("resp\u{0}\u{202e}_1");
    response["model"] = json!("m".repeat(200_000));
    response["usage"] = json!({ "input_tokens": i64::MAX, "output_tokens": u64::MAX, "total_tokens": 1 });
    let provider = provider(whole(response)).await;
    let (_, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
    assert_eq!((outcome.model.as_str(), outcome.response_id.as_deref()), ("gpt-5-nano", Some("resp_1")));
    assert!(outcome.spent.input_tokens < 10_000 && outcome.spent.output_tokens == 3, "{:?}", outcome.spent);
}

#[test]
fn key_contains_the_model_the_prompt_and_the_options() {
    let summarizer = Summarizer::provider(model("http://127.0.0.1:9"));
    let options = SummaryOptions { language: LanguageTag::parse("de").ok(), length: SummaryLength::Long };
    let note = note("Milk");
    let key = summarizer.key(&note, options.clone());
    assert_eq!((key.asked_model.as_str(), key.prompt_version.as_str()), ("gpt-5-nano", "2"));
    assert_eq!((key.options, key.content_hash), (options, note.content_hash()));
}
