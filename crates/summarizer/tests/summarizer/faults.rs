//! Faults of the provider, and the tokens that are charged for them.

use daybook_ai_client::Error as ProviderError;
use daybook_domain::{SummaryOptions, SummaryStatus};
use daybook_summarizer::{Error, Summarizer};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{completed, model, note, provider, run, stream, whole};

fn rejected(status: u16, code: &str) -> ResponseTemplate {
    let error = json!({ "error": { "message": "no", "type": code, "code": code } });
    ResponseTemplate::new(status).set_body_json(error)
}

fn changed(change: Value) -> Value {
    let mut response = completed("Half");
    for (name, value) in change.as_object().unwrap() {
        response[name] = value.clone();
    }
    response
}

#[tokio::test]
async fn run_charges_nothing_if_the_provider_rejects_the_request() {
    for (status, code) in [
        (401, "invalid_api_key"),
        (429, "insufficient_quota"),
        (429, "rate_limit_exceeded"),
        (400, "model_not_found"),
        (503, "overloaded"),
        (307, "moved"),
    ] {
        let provider = provider(rejected(status, code)).await;
        let (pieces, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
        assert_eq!((outcome.status(), pieces.len()), (SummaryStatus::Failed, 0), "{status}");
        assert!(matches!(outcome.result, Err(Error::Provider(_))), "{status}");
        let spent = outcome.spent;
        assert_eq!((spent.calls, spent.input_tokens, spent.output_tokens), (0, 0, 0), "{status}");
    }
    let (_, outcome) = run(&Summarizer::provider(model("http://127.0.0.1:9")), &note("Milk")).await;
    let Err(Error::Provider(error)) = outcome.result else { panic!("a closed port") };
    assert!(matches!(*error, ProviderError::Connect { .. }) && outcome.spent.calls == 0);
}

#[tokio::test]
async fn run_charges_the_usage_that_an_error_reports() {
    let refusal = json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": "no" }] }]);
    let cut = json!({ "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" } });
    for (status, response) in [
        (SummaryStatus::Refused, changed(json!({ "output": refusal }))),
        (SummaryStatus::Incomplete, changed(cut)),
        (SummaryStatus::Failed, completed(" \n\u{202e}")),
    ] {
        let provider = provider(whole(response)).await;
        let (_, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
        assert_eq!((outcome.status(), outcome.model.as_str()), (status, "gpt-5-nano"));
        let spent = outcome.spent;
        assert_eq!((spent.calls, spent.input_tokens, spent.output_tokens), (1, 96, 14), "{status:?}");
        assert_eq!(spent.cost_micros, Some(11), "{status:?}");
    }
}

#[tokio::test]
async fn run_charges_an_upper_bound_for_an_incomplete_response() {
    let failed = changed(json!({ "status": "failed", "usage": null, "error": { "code": "server_error" } }));
    let broken = ResponseTemplate::new(200).set_body_raw("data: {'\n\n", "text/event-stream");
    for response in [stream(&["Half"], &failed), broken, ResponseTemplate::new(200).set_body_string("<p>")] {
        let provider = provider(response).await;
        let summarizer = Summarizer::provider(model(&provider.uri()));
        let bound = summarizer.plan(&note("Milk"), SummaryOptions::default()).max_tokens();
        let (_, outcome) = run(&summarizer, &note("Milk")).await;
        assert_eq!(outcome.status(), SummaryStatus::Failed);
        let spent = outcome.spent;
        assert_eq!((spent.calls, spent.output_tokens), (1, 4_000));
        assert!((1..bound - 4_000).contains(&spent.input_tokens), "{spent:?}, bound {bound}");
    }
}

#[tokio::test]
async fn error_does_not_quote_the_provider() {
    let provider = provider(rejected(400, "canary")).await;
    let (_, outcome) = run(&Summarizer::provider(model(&provider.uri())), &note("Milk")).await;
    assert_eq!(outcome.result.unwrap_err().to_string(), "the AI provider did not give a summary");
}
