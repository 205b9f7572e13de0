//! AI providers that differ from the documentation of the Responses API. The service gives a whole
//! summary, or the right error.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Events, Kind, Start, TEST_TIMEOUT, provider};
use crate::summaries::{requests_to, summarize, with_note, write};
use crate::summary_streams::request;

const ANSWER: &str = "The pump costs ninety euros.";

fn delta(text: &str) -> Value {
    json!({ "type": "response.output_text.delta", "delta": text })
}

fn last(response: &Value) -> Value {
    json!({ "type": "response.completed", "response": response })
}

fn events(data: &[Value]) -> String {
    let events = data.iter().map(|data| format!("data: {data}\n\n"));
    events.collect::<Vec<_>>().join("data:\n\n")
}

fn streamed(data: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(events(data), "text/event-stream")
}

async fn replace(provider: &MockServer, template: ResponseTemplate) {
    provider.reset().await;
    Mock::given(method("POST")).and(path("/v1/responses")).respond_with(template).mount(provider).await;
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_stores_the_whole_answer_of_odd_providers(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let changed = |fields: Value| {
        let mut response = provider::completed(ANSWER);
        for (name, value) in fields.as_object().unwrap() {
            response[name] = value.clone();
        }
        ResponseTemplate::new(200).set_body_json(response)
    };
    let thoughts = provider::completed(&format!("<think>The user wants a canary</think>{ANSWER}"));
    let halves = [delta("The pump costs "), delta("ninety euros.")];
    let [first, second] = halves.clone();
    let untyped = [first.clone(), second.clone(), last(&provider::completed(ANSWER))];
    let cases = [
        ("a fragment at the end", streamed(&[first, second, last(&provider::completed("euros."))])),
        ("no content type", ResponseTemplate::new(200).set_body_bytes(events(&untyped))),
        ("null counts", changed(json!({ "usage": { "input_tokens": null, "output_tokens": null } }))),
        ("a text as content", changed(json!({ "output": [{ "type": "message", "content": ANSWER }] }))),
        ("a date", changed(json!({ "created_at": "2026-01-02T03:04:05Z" }))),
        ("thoughts", ResponseTemplate::new(200).set_body_json(&thoughts)),
        (
            "streamed thoughts",
            streamed(&[
                delta("<thi"),
                delta("nk>The user wants a canary</th"),
                delta("ink>"),
                delta(ANSWER),
                last(&thoughts),
            ]),
        ),
    ];
    let provider = MockServer::start().await;
    let (server, token, _) = with_note(kind, &provider).await;
    for (name, template) in cases {
        replace(&provider, template).await;
        let note = write(&server, &token).await;
        let summary = summarize(&server, &token, &note).await.expect(StatusCode::OK).json();
        assert_eq!(summary["text"], ANSWER, "{name}");
        assert_eq!(server.get(&note, &token).await.json()["summary"]["text"], ANSWER, "{name}");
        assert!(summary["input_tokens"].as_i64().unwrap() > 0, "{name}: {summary}");
        assert!(summary["output_tokens"].as_i64().unwrap() > 0, "{name}: {summary}");

        let note = write(&server, &token).await;
        let shown = Events::of(request(&server, &token, &note)).await.all().await;
        assert!(!format!("{shown:?}").contains("canary"), "{name}: {shown:?}");
        let (event, data) = shown.last().unwrap();
        assert_eq!((event.as_str(), &data["text"]), ("done", &json!(ANSWER)), "{name}: {shown:?}");
    }
    assert_eq!(server.query("SELECT count(*) FROM summaries WHERE text LIKE '%canary%'"), "0");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_reports_errors_inside_a_stream_like_those_of_a_rejection(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let error = |error: Value| streamed(&[error]);
    let limited = json!({ "type": "error", "code": "too_many_requests", "message": "canary" });
    let nested = json!({ "type": "error", "error": { "code": 429, "message": "canary" } });
    let quota = json!({ "type": "error", "error": { "code": null, "type": "insufficient_quota" } });
    let broken = json!({ "type": "error", "error": { "code": null, "type": "server_error" } });
    let in_body = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let cases = [
        ("limited", error(limited), 503, "The service is busy, try again shortly"),
        ("nested", error(nested), 503, "The service is busy, try again shortly"),
        ("quota", error(quota), 502, "This service's quota at the AI provider is used up"),
        ("broken", error(broken), 502, "The AI provider did not give a summary"),
        (
            "quota in a body",
            in_body(json!({ "error": { "code": 402, "message": "canary" } })),
            502,
            "This service's quota at the AI provider is used up",
        ),
    ];
    let provider = MockServer::start().await;
    let (server, token, note) = with_note(kind, &provider).await;
    for (name, template, status, sentence) in cases {
        replace(&provider, template).await;
        let answer = summarize(&server, &token, &note).await;
        assert_eq!((answer.status, answer.json()), (status, json!({ "detail": sentence })), "{name}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503, "{name}: {answer:?}");
        server.wait_until_logged(&answer).await;
    }
    for code in ["too_many_requests", "429", "server_error"] {
        assert!(server.log().contains(code), "{code}");
    }
    assert!(!server.log().contains("canary"), "the log has the provider's text");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_retries_a_520_and_keeps_the_query_of_the_base_url(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = MockServer::start().await;
    let route = || {
        let version = query_param("api-version", "preview");
        Mock::given(method("POST")).and(path("/openai/v1/responses")).and(version)
    };
    route().respond_with(ResponseTemplate::new(520)).up_to_n_times(1).mount(&provider).await;
    let good = ResponseTemplate::new(200).set_body_json(provider::completed(ANSWER));
    route().respond_with(good).mount(&provider).await;
    let base = format!("{}/openai/v1?api-version=preview", provider.uri());
    let start = Start::on(kind).with_provider(&provider.uri()).with("OPENAI_BASE_URL", &base);
    let server = start.start().await;
    let token = server.user("ada").await;
    let note = write(&server, &token).await;
    summarize(&server, &token, &note).await.expect(StatusCode::OK);
    assert_eq!(requests_to(&provider).await, 2);
}
