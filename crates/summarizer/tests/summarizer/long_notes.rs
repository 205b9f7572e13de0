//! A note that is longer than the window of the model.

use daybook_domain::SummaryOptions;
use daybook_summarizer::Summarizer;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::support::{completed, model, note, provider, requests, run, stream, whole};

/// Sends a stream if the request asks for one, as a provider does.
fn respond(request: &Request) -> ResponseTemplate {
    let body: Value = request.body_json().unwrap();
    if body["stream"] == json!(true) {
        stream(&["All ", "parts."], &completed("All parts."))
    } else {
        whole(completed("One part."))
    }
}

fn data(request: &Value) -> Value {
    let text = request["input"][0]["content"][0]["text"].as_str().unwrap();
    serde_json::from_str(text.split('\n').nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn run_summarizes_each_part_and_then_the_parts() {
    let provider = provider(respond).await;
    let summarizer = Summarizer::provider(model(&provider.uri()).window(4_000));
    let note = note(&"word ".repeat(3_000));
    let bound = summarizer.plan(&note, SummaryOptions::default()).max_tokens();
    let (pieces, outcome) = run(&summarizer, &note).await;
    assert_eq!(
        (pieces, outcome.result.unwrap()),
        (vec!["All ".into(), "parts.".into()], "All parts.".into())
    );

    let requests = requests(&provider).await;
    let (last, parts) = requests.split_last().unwrap();
    let contents: Vec<_> = parts.iter().map(data).collect();
    let content: String = contents.iter().filter_map(|data| data["content"].as_str()).collect();
    assert_eq!(content, note.content.as_str());
    assert!(parts.len() > 1 && parts.iter().all(|request| request["stream"] != json!(true)));
    assert_eq!(contents[0]["part"], format!("1 of {}", parts.len()));
    assert_eq!(data(last)["summaries"], json!(vec!["One part."; parts.len()]));

    let calls = i64::try_from(requests.len()).unwrap();
    let spent = outcome.spent;
    assert_eq!((spent.calls, spent.input_tokens, spent.output_tokens), (calls, 96 * calls, 14 * calls));
    assert!(spent.input_tokens + spent.output_tokens < bound, "{spent:?}, bound {bound}");
}

#[tokio::test]
async fn run_merges_in_several_steps_if_the_summaries_are_too_long_together() {
    let provider = provider(respond).await;
    let summarizer = Summarizer::provider(model(&provider.uri()).window(4_000));
    let (_, outcome) = run(&summarizer, &note(&"語".repeat(12_000))).await;
    assert_eq!(outcome.result.unwrap(), "All parts.");
    let merges: Vec<_> =
        requests(&provider).await.iter().map(data).filter(|data| data["summaries"].is_array()).collect();
    assert!(merges.len() > 2, "{}", merges.len());
    // Three summaries fit into a window of 4,000 tokens.
    let sizes: Vec<_> = merges.iter().map(|merge| merge["summaries"].as_array().unwrap().len()).collect();
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}
