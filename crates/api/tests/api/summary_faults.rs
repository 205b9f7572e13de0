//! AI providers that fail. The service then returns no summary, and no text of the provider.

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{Events, Exchange, Kind, PROVIDER_KEY, ScriptedProvider, Start, TEST_TIMEOUT, provider};
use crate::summaries::{requests_to, summarize, with_note, write};
use crate::summary_streams::{request, write_note};

/// Text of the provider that must not reach a user or the log.
const CANARY: &str = "canary-of-the-provider";

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_reports_each_failure_of_the_provider(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let elsewhere = provider::summarizing("Elsewhere.").await;
    let message = format!("{CANARY} {PROVIDER_KEY}");
    let error = |code: &str| json!({ "error": { "message": &message, "type": code, "code": code } });
    let rejection = |status: u16, code: &str| ResponseTemplate::new(status).set_body_json(error(code));
    let response = |change: Value| {
        let mut response = provider::completed(CANARY);
        for (name, value) in change.as_object().unwrap() {
            response[name] = value.clone();
        }
        ResponseTemplate::new(200).set_body_json(response)
    };
    let message = |content: Value| {
        response(json!({ "output": [{
        "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content
    }] }))
    };
    let text = |text: &str| message(json!([{ "type": "output_text", "text": text, "annotations": [] }]));
    let refusal = || json!([{ "type": "refusal", "refusal": CANARY }]);
    let incomplete = |reason: &str| {
        response(json!({ "status": "incomplete", "incomplete_details": { "reason": reason } }))
    };
    let redirect = format!("{}/v1/responses", elsewhere.uri());
    // The service does not retry, because it does not wait for an hour.
    let limited = rejection(429, "rate_limit_exceeded").insert_header("retry-after", "3600");
    let cases = [
        ("401", rejection(401, "invalid_api_key"), 502, "The AI provider refuses this service's key"),
        ("403", rejection(403, "country"), 502, "The AI provider refuses this service's key"),
        ("limited", limited, 503, "The service is busy, try again shortly"),
        (
            "quota",
            rejection(429, "insufficient_quota"),
            502,
            "This service's quota at the AI provider is used up",
        ),
        ("400", rejection(400, "model_not_found"), 502, "The AI provider did not give a summary"),
        ("500", rejection(500, "server_error"), 502, "The AI provider is not available"),
        ("501", rejection(501, "server_error"), 502, "The AI provider is not available"),
        ("token limit", incomplete("max_output_tokens"), 502, "The AI provider did not give a summary"),
        ("filter", incomplete("content_filter"), 502, "The AI provider did not give a summary"),
        ("refusal", message(refusal()), 502, "The AI provider refuses to summarise this note"),
        (
            "failed",
            response(json!({ "status": "failed", "error": { "code": "server_error", "message": CANARY } })),
            502,
            "The AI provider did not give a summary",
        ),
        ("queued", response(json!({ "status": "queued" })), 502, "The AI provider did not give a summary"),
        (
            "redirect",
            ResponseTemplate::new(307).insert_header("location", redirect.as_str()),
            502,
            "The AI provider did not give a summary",
        ),
        (
            "HTML",
            ResponseTemplate::new(200).set_body_string(format!("<html>{CANARY}")),
            502,
            "The AI provider did not give a summary",
        ),
        (
            "other JSON",
            ResponseTemplate::new(200).set_body_json(json!({ "text": CANARY })),
            502,
            "The AI provider did not give a summary",
        ),
        ("nothing", ResponseTemplate::new(200), 502, "The AI provider did not give a summary"),
        ("no text", text(""), 502, "The AI provider did not give a summary"),
        ("blank text", text(" \n\t"), 502, "The AI provider did not give a summary"),
        ("invisible text", text("\u{202e}\u{0007}\u{200f}"), 502, "The AI provider did not give a summary"),
        ("no message", response(json!({ "output": [] })), 502, "The AI provider did not give a summary"),
        ("a flood", text(&CANARY.repeat(100_000)), 502, "The AI provider did not give a summary"),
    ];
    let provider = MockServer::start().await;
    let (server, token, note) = with_note(kind, &provider).await;
    for (name, template, status, sentence) in cases {
        provider.reset().await;
        let template = template.insert_header("x-request-id", CANARY);
        Mock::given(method("POST")).and(path("/v1/responses")).respond_with(template).mount(&provider).await;
        let answer = summarize(&server, &token, &note).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert_eq!(answer.json(), json!({ "detail": sentence }), "{name}");
        let whole = format!("{answer:?}");
        assert!(!whole.contains(CANARY) && !whole.contains(PROVIDER_KEY), "{name}: {whole}");
        if name == "limited" {
            assert_eq!(answer.header("retry-after"), "3600");
        }
        assert!(requests_to(&provider).await >= 1, "{name}");
        assert_eq!(server.get(&note, &token).await.json().get("summary"), None, "{name}");
    }
    assert_eq!(requests_to(&elsewhere).await, 0, "a redirect was followed");
    assert_eq!(server.query("SELECT count(*) FROM summaries WHERE status = 'completed' OR text <> ''"), "0");
    assert!(!server.log().contains(PROVIDER_KEY), "the log has the key");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_reports_a_broken_connection(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    // The provider sends one of these responses on each connection, and then closes it.
    let whole = provider::completed("Whole.").to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        whole.len()
    );
    let answers = [
        String::new(),
        "HTTP/1.1 200".to_owned(),
        head.clone(),
        format!("{head}{}", &whole[..whole.len() - 1]),
        "SSH-2.0-x\r\n".to_owned(),
    ];
    let count = answers.len();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let provider = tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            // Reads the whole request. Otherwise, closing the connection would reset it.
            while !String::from_utf8_lossy(&request[..length]).contains("\"stream\":true}") {
                length += socket.read(&mut request[length..]).await.unwrap();
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let server = Start::on(kind).with_provider(&format!("http://{address}")).start().await;
    let token = server.user("ada").await;
    let note = write(&server, &token).await;
    for _ in 0..count {
        let answer = summarize(&server, &token, &note).await;
        answer.expect_detail(StatusCode::BAD_GATEWAY, "The AI provider is not available");
        assert_eq!(server.get(&note, &token).await.json().get("summary"), None);
    }
    provider.await.unwrap();
    // The provider no longer listens.
    let answer = summarize(&server, &token, &note).await;
    answer.expect_detail(StatusCode::BAD_GATEWAY, "The AI provider is not available");
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_keeps_the_previous_summary_after_a_failure(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = MockServer::start().await;
    let good = ResponseTemplate::new(200).set_body_json(provider::completed("Good."));
    Mock::given(any()).respond_with(good).up_to_n_times(1).mount(&provider).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(400)).mount(&provider).await;
    let (server, token, note) = with_note(kind, &provider).await;
    let summary = summarize(&server, &token, &note).await.expect(StatusCode::OK).json();
    let again = server.post(&format!("{note}/summarize"), &token, &json!({ "refresh": true })).await;
    again.expect(StatusCode::BAD_GATEWAY);
    assert_eq!(server.get(&note, &token).await.json()["summary"], summary);
}

/// Checks the status, the sentence, the number of calls and the receipt of each fault. No tokens
/// may stay reserved.
#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summarize_reports_each_fault_with_and_without_a_stream(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let provider = ScriptedProvider::start(misbehave).await;
    let start = Start::on(kind).with_provider(&provider.base).with("DAYBOOK_AI_PARALLEL_PER_USER", "100");
    let server = start.with("OPENAI_TIMEOUT", "1s").start().await;
    let token = server.user("ada").await;
    let mut before = 0;
    for (fault, status, detail, calls, receipt) in FAULTS {
        for streamed in [false, true] {
            let note = write_note(&server, &token, fault).await;
            let (actual_status, sentence) = if streamed {
                let events = Events::of(request(&server, &token, &note)).await.all().await;
                let (name, data) = events.last().unwrap().clone();
                assert_eq!(name, "error", "{fault}: {events:?}");
                (data["status"].as_u64().unwrap(), data["detail"].as_str().unwrap().to_owned())
            } else {
                let answer = server.post(&format!("{note}/summarize"), &token, &json!({})).await;
                (u64::from(answer.status), answer.json()["detail"].as_str().unwrap().to_owned())
            };
            let case = format!("{fault}, {}", if streamed { "streamed" } else { "in one piece" });
            assert_eq!((actual_status, sentence.as_str()), (status, detail), "{case}");
            assert_eq!(provider.calls() - before, calls, "{case}");
            before = provider.calls();
            let receipts = server.get(&format!("{note}/summaries"), &token).await.json();
            let kept: Vec<_> =
                receipts.as_array().unwrap().iter().map(|kept| kept["status"].as_str().unwrap()).collect();
            assert_eq!(kept, Vec::from_iter(receipt), "{case}");
            assert_eq!(server.get(&note, &token).await.json().get("summary"), None, "{case}");
        }
    }
    assert_eq!(
        server.query("SELECT reserved_tokens FROM usage_of_all"),
        "0",
        "some tokens are still reserved"
    );
    let log = server.log();
    assert!(
        !log.contains(CANARY) && !log.contains(PROVIDER_KEY),
        "the log has the provider's text or the key"
    );
}

const NONE_GIVEN: &str = "The AI provider did not give a summary";
const NOT_THERE: &str = "The AI provider is not available";
const TOO_SLOW: &str = "The AI provider did not answer in time";
const BUSY: &str = "The service is busy, try again shortly";

/// Each fault with its status, its sentence and the number of calls, which includes two retries.
/// The last value is the status of the receipt, if the model may have used tokens.
const FAULTS: [(&str, u64, &str, usize, Option<&str>); 19] = [
    ("silence", 504, TOO_SLOW, 1, Some("failed")),
    ("stall", 504, TOO_SLOW, 1, Some("failed")),
    ("half an event", 502, NOT_THERE, 1, Some("failed")),
    ("bad JSON", 502, NONE_GIVEN, 1, Some("failed")),
    ("429", 503, BUSY, 3, None),
    ("429, retry after an hour", 503, BUSY, 1, None),
    ("429, quota", 502, "This service's quota at the AI provider is used up", 1, None),
    ("401", 502, "The AI provider refuses this service's key", 1, None),
    ("500", 502, NOT_THERE, 3, None),
    ("reset", 502, NOT_THERE, 1, Some("failed")),
    ("truncated", 502, NOT_THERE, 1, Some("failed")),
    ("incomplete", 502, NONE_GIVEN, 1, Some("incomplete")),
    ("failed", 502, NONE_GIVEN, 1, Some("failed")),
    ("an error event", 502, NONE_GIVEN, 1, Some("failed")),
    ("refusal", 502, "The AI provider refuses to summarise this note", 1, Some("refused")),
    ("10 MB in one line", 502, NONE_GIVEN, 1, Some("failed")),
    ("redirect", 502, NONE_GIVEN, 1, None),
    ("nothing but white space", 502, NONE_GIVEN, 1, Some("failed")),
    ("HTML", 502, NONE_GIVEN, 1, Some("failed")),
];

/// Returns an error response of the provider.
fn rejection(status: &str, header: &str, code: &str) -> String {
    let body =
        json!({ "error": { "code": code, "message": format!("{CANARY} {PROVIDER_KEY}") } }).to_string();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n{body}", body.len())
}

/// Responds with the fault that is the content of the note.
async fn misbehave(mut exchange: Exchange) {
    let fault = exchange.data()["content"].as_str().unwrap().to_owned();
    let rejected = match fault.as_str() {
        "429" => rejection("429 Too Many Requests", "", "rate_limit_exceeded"),
        "429, retry after an hour" => {
            rejection("429 Too Many Requests", "retry-after: 3600\r\n", "rate_limit_exceeded")
        }
        "429, quota" => rejection("429 Too Many Requests", "", "insufficient_quota"),
        "401" => rejection("401 Unauthorized", "", "invalid_api_key"),
        "500" => rejection("500 Internal Server Error", "", "server_error"),
        "redirect" => rejection("307 Temporary Redirect", "location: http://127.0.0.1:9/\r\n", "moved"),
        "HTML" => {
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\n\r\n<p>{CANARY}")
        }
        _ => String::new(),
    };
    if fault == "silence" {
        exchange.until_closed().await;
        return;
    }
    if !rejected.is_empty() {
        exchange.send(&rejected).await;
        return;
    }
    exchange.begin().await;
    match fault.as_str() {
        "half an event" => {
            exchange.send("event: response.output_text.delta\ndata: {\"type\":\"response.output_").await;
        }
        "bad JSON" => {
            exchange.send(&format!("data: {{'{CANARY}\n\n")).await;
        }
        // The service closes the connection after its timeout.
        "stall" => {
            exchange.delta("Milk").await;
            exchange.until_closed().await;
        }
        "reset" => {
            exchange.delta("Milk").await;
            exchange.reset();
        }
        "truncated" => {
            exchange.delta("Milk and bread.").await;
        }
        "incomplete" => {
            exchange.delta("Milk and").await;
            let details =
                json!({ "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" } });
            exchange.finish("response.incomplete", "Milk and", &details).await;
        }
        "failed" => {
            let error = json!({ "status": "failed", "error": { "code": "server_error", "message": CANARY } });
            exchange.finish("response.failed", "", &error).await;
        }
        "an error event" => {
            let data = json!({ "type": "error", "code": "server_error", "message": CANARY });
            exchange.send(&format!("event: error\ndata: {data}\n\n")).await;
        }
        "refusal" => {
            let output =
                json!([{ "type": "message", "content": [{ "type": "refusal", "refusal": CANARY }] }]);
            exchange.finish("response.completed", "", &json!({ "output": output })).await;
        }
        "10 MB in one line" => {
            exchange.send("data: ").await;
            exchange.send(&"x".repeat(10_000_000)).await;
        }
        "nothing but white space" => exchange.finish("response.completed", " \n\u{202e}", &json!({})).await,
        other => panic!("{other}"),
    }
}
