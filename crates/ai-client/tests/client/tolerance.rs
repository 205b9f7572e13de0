//! Responses that differ from the documentation of the API, as servers and proxies send them.

use std::sync::atomic::{AtomicUsize, Ordering};

use daybook_ai_client::{Error, Event, Request, Response};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{ask, builder, completed, ok, server, status};

const ANSWER: &str = "The pump costs ninety euros.";

/// Returns the response to `create` and to `stream`, with all deltas.
async fn both(template: ResponseTemplate) -> Result<Response, Error> {
    let server = server(template, 2).await;
    let response = ask(&server.uri()).await?;
    let (deltas, streamed) = stream(&server.uri()).await?;
    assert_eq!(deltas, response.output_text());
    assert_eq!(streamed.output_text(), response.output_text());
    Ok(response)
}

async fn stream(base: &str) -> Result<(String, Response), Error> {
    let mut stream = builder(base).build().unwrap().stream(&Request::new("m", "a note")).await?;
    let mut deltas = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            Event::TextDelta(text) => deltas.push_str(&text),
            Event::Completed(response) => return Ok((deltas, response)),
            other => panic!("{other:?}"),
        }
    }
    panic!("the stream has no last event");
}

/// Returns a complete response with other fields.
fn with(fields: &Value) -> Value {
    let mut body = completed(ANSWER);
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn events(data: &[Value]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

fn delta(text: &str) -> Value {
    json!({ "type": "response.output_text.delta", "delta": text })
}

fn last(response: &Value) -> Value {
    json!({ "type": "response.completed", "response": response })
}

/// Returns a stream of events. The second argument is its `Content-Type`.
fn streamed(data: &[Value], media_type: &str) -> ResponseTemplate {
    status(200).set_body_raw(events(data), media_type)
}

#[tokio::test]
async fn a_field_that_is_not_needed_never_costs_the_answer() {
    for fields in [
        json!({ "usage": { "input_tokens": null, "output_tokens": null, "total_tokens": null } }),
        json!({ "usage": { "input_tokens": "many", "output_tokens": -1 } }),
        json!({ "usage": [] }),
        json!({ "usage": "none" }),
        json!({ "created_at": "2026-01-02T03:04:05Z" }),
        json!({ "created_at": {} }),
        json!({ "id": null, "model": 7 }),
        json!({ "id": 12, "model": { "name": "m" } }),
        json!({ "incomplete_details": "none", "error": null, "metadata": 5, "tools": null }),
        json!({ "status": "COMPLETED" }),
        json!({ "status": null, "output": [{ "status": "completed", "content": ANSWER }] }),
        json!({ "output": [{ "type": "message", "content": ANSWER }] }),
        json!({ "output": [{ "type": "message", "content": { "type": "output_text", "text": ANSWER } }] }),
        json!({ "output": [{ "type": "message", "content": [ANSWER] }] }),
        json!({ "output": [{ "content": [{ "type": "text", "text": { "value": ANSWER } }] }] }),
        json!({ "output": [{ "role": "assistant", "content": [{ "text": ANSWER }] }] }),
        json!({ "output": { "type": "message", "content": ANSWER } }),
        json!({ "output": [], "output_text": ANSWER }),
        json!({ "output": [
            { "type": "reasoning", "summary": "hm", "content": null, "id": 1 },
            { "type": "message", "role": "user", "content": "the input" },
            { "type": 7 }, null, 5,
            { "type": "message", "content": [null, 5, { "text": ANSWER, "annotations": 1 }] },
        ] }),
    ] {
        let response = both(ok(with(&fields))).await.unwrap_or_else(|error| panic!("{fields}: {error:?}"));
        assert_eq!(response.output_text(), ANSWER, "{fields}");
    }
}

#[tokio::test]
async fn usage_is_read_if_the_input_and_the_output_are_known() {
    for (usage, expected) in [
        (json!({ "input_tokens": 3, "output_tokens": 2 }), Some((3, 2, 5))),
        (json!({ "prompt_tokens": 3.0, "completion_tokens": "2" }), Some((3, 2, 5))),
        (json!({ "input_tokens": 3, "output_tokens": null, "total_tokens": 5 }), Some((3, 2, 5))),
        (json!({ "output_tokens": 2, "total_tokens": 5 }), Some((3, 2, 5))),
        (json!({ "input_tokens": 3, "output_tokens": null }), None),
        (json!({ "input_tokens": 9, "total_tokens": 5 }), None),
        (json!({}), None),
    ] {
        let response = both(ok(with(&json!({ "usage": usage })))).await.unwrap();
        let counts =
            response.usage.map(|usage| (usage.input_tokens, usage.output_tokens, usage.total_tokens));
        assert_eq!(counts, expected, "{usage}");
    }
}

#[tokio::test]
async fn events_are_read_whatever_their_content_type() {
    let data = [delta("The pump "), delta("costs ninety euros."), last(&completed(ANSWER))];
    let typed = |media_type: &str| streamed(&data, media_type);
    let untyped = status(200).set_body_bytes(events(&data));
    for (name, template) in [
        ("none", untyped),
        ("plain text", typed("text/plain; charset=utf-8")),
        ("bytes", typed("application/octet-stream")),
        ("JSON", typed("application/json")),
        ("upper case", typed("Text/Event-Stream")),
    ] {
        let response = both(template).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(response.output_text(), ANSWER, "{name}");
    }
}

#[tokio::test]
async fn a_document_is_read_whatever_its_content_type() {
    for media_type in ["text/event-stream", "text/plain", "application/vnd.api+json"] {
        let template = status(200).set_body_raw(format!("\n {}", completed(ANSWER)), media_type);
        assert_eq!(both(template).await.unwrap().output_text(), ANSWER, "{media_type}");
    }
}

#[tokio::test]
async fn thoughts_are_in_no_answer() {
    for thoughts in
        ["<think>The user wants…</think>", "<think>\n\n</think>\n\n", "\n<thinking>hm</thinking> "]
    {
        let body = completed(&format!("{thoughts}{ANSWER}"));
        assert_eq!(both(ok(body.clone())).await.unwrap().output_text(), ANSWER, "{thoughts}");
        let pieces =
            [delta("<th"), delta("ink>The us"), delta("er</thi"), delta("nk>"), delta(ANSWER), last(&body)];
        let (deltas, response) =
            stream(&server(streamed(&pieces, "text/event-stream"), 1).await.uri()).await.unwrap();
        assert_eq!((deltas.as_str(), response.output_text().as_str()), (ANSWER, ANSWER));
    }
    let error = ask(&server(ok(completed("<think>The user wants")), 1).await.uri()).await.unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error:?}");
}

#[tokio::test]
async fn errors_inside_a_stream_are_those_of_a_rejection() {
    let limit = |code: Value| json!({ "type": "error", "code": code, "message": "no" });
    let nested = |error: Value| json!({ "type": "error", "error": error });
    let failed = |error: Value| {
        let response = json!({ "status": "failed", "error": error });
        json!({ "type": "response.failed", "response": response })
    };
    let overloaded = json!({ "error": { "code": 529, "type": "overloaded_error", "message": "no" } });
    for (event, kind, code) in [
        (limit(json!("too_many_requests")), "RateLimited", Some("too_many_requests")),
        (limit(json!("rate_limit_exceeded")), "RateLimited", Some("rate_limit_exceeded")),
        (limit(json!(429)), "RateLimited", Some("429")),
        (
            nested(json!({ "code": null, "type": "rate_limit_error" })),
            "RateLimited",
            Some("rate_limit_error"),
        ),
        (
            failed(json!({ "code": "rate_limit_exceeded", "message": "no" })),
            "RateLimited",
            Some("rate_limit_exceeded"),
        ),
        (nested(json!({ "code": "insufficient_quota" })), "QuotaExceeded", None),
        (failed(json!({ "type": "insufficient_quota", "code": null })), "QuotaExceeded", None),
        (nested(json!({ "code": "invalid_api_key" })), "Unauthorized", Some("invalid_api_key")),
        (nested(json!({ "code": null, "type": "server_error" })), "Failed", Some("server_error")),
        (nested(json!({ "code": 502 })), "Failed", Some("502")),
        (overloaded, "Failed", Some("529")),
        (json!({ "error": "it broke" }), "Failed", None),
        (failed(json!("it broke")), "Failed", None),
    ] {
        let template =
            streamed(&[delta("The"), event.clone()], "text/event-stream").insert_header("retry-after", "7");
        let error = stream(&server(template, 1).await.uri()).await.unwrap_err();
        let printed = format!("{error:?}");
        assert!(printed.starts_with(kind), "{event}: {printed}");
        if let Some(code) = code {
            assert!(printed.contains(&format!("code: Some(\"{code}\")")), "{event}: {printed}");
        }
        if kind == "RateLimited" {
            assert_eq!(error.retry_after().unwrap().as_secs(), 7, "{event}");
        }
    }
}

#[tokio::test]
async fn an_error_object_with_status_200_is_a_rejection() {
    let error = |code: Value| ok(json!({ "error": { "code": code, "message": "no" } }));
    for (code, kind, requests) in [
        (json!("rate_limit_exceeded"), "RateLimited", 3),
        (json!(429), "RateLimited", 3),
        (json!("insufficient_quota"), "QuotaExceeded", 1),
        (json!(402), "QuotaExceeded", 1),
        (json!(401), "Unauthorized", 1),
        (json!("context_length_exceeded"), "InvalidRequest", 1),
        (json!(503), "Unavailable", 3),
        (json!("server_error"), "Unavailable", 3),
        (json!("something_else"), "Failed", 1),
    ] {
        let server = server(error(code.clone()), requests).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{code}: {error:?}");
    }
    // The form of vLLM.
    let body = json!({ "object": "error", "message": "no", "type": "BadRequestError", "code": 400 });
    let error = ask(&server(ok(body), 1).await.uri()).await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { status: 400, .. }), "{error:?}");
}

/// Returns the name of the error of a stream.
async fn stream_error(data: &[Value]) -> String {
    match stream(&server(streamed(data, "text/event-stream"), 1).await.uri()).await {
        Ok((_, response)) => format!("Ok({})", response.output_text()),
        Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn a_fragment_is_never_an_answer() {
    let none = || last(&json!({ "status": "completed" }));
    let odd = |delta: Value| json!({ "type": "response.output_text.delta", "delta": delta });
    let output = |content: Value| json!({ "output": [{ "type": "message", "content": content }] });
    let text = |text: Value| json!({ "type": "output_text", "text": text });
    // A delta of an unknown form, and no other source of the text.
    for delta in [json!({ "content": "Hello" }), json!(["Hel", "lo"]), json!(5)] {
        assert_eq!(stream_error(&[odd(delta.clone()), odd(json!(" x.")), none()]).await, "Malformed");
        assert_eq!(
            stream_error(&[odd(delta), odd(json!(" x.")), last(&completed(ANSWER))]).await,
            format!("Ok({ANSWER})")
        );
    }
    for content in
        [json!([text(json!(null)), text(json!("half"))]), json!([text(json!("half")), text(json!(["x"]))])]
    {
        let error = ask(&server(ok(with(&output(content))), 1).await.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
    // A response that is completed and cut off nevertheless.
    for fields in [
        json!({ "incomplete_details": { "reason": "max_output_tokens" } }),
        json!({ "incomplete_details": "length" }),
        json!({ "output": [{ "type": "message", "status": "incomplete", "content": ANSWER }] }),
    ] {
        let error = ask(&server(ok(with(&fields)), 1).await.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Incomplete { .. }), "{fields}: {error:?}");
        assert_eq!(stream_error(&[delta(ANSWER), last(&with(&fields))]).await, "Incomplete");
    }
    assert_eq!(stream_error(&[last(&with(&json!({ "status": "max_tokens" })))]).await, "Failed");
}

#[tokio::test]
async fn a_refusal_in_a_stream_is_never_an_answer() {
    let none = || last(&json!({ "status": "completed" }));
    let part = json!({ "type": "refusal", "refusal": "I can't." });
    for event in [
        json!({ "type": "response.refusal.done", "refusal": "I can't." }),
        json!({ "type": "response.refusal.delta", "delta": "I can't." }),
        json!({ "type": "response.content_part.done", "part": part }),
        json!({ "type": "response.output_item.done", "item": { "type": "message", "content": [part] } }),
    ] {
        assert_eq!(stream_error(&[delta("I can"), event.clone(), none()]).await, "Refused", "{event}");
    }
}

#[tokio::test]
async fn thoughts_of_unknown_forms_are_not_longer_answers() {
    for leak in ["secret</think>", "<think time=1>secret</think>", "<think>a<think>b</think>c</think>"] {
        let data = [delta(leak), delta(ANSWER), last(&completed(ANSWER))];
        let server = server(streamed(&data, "text/event-stream"), 1).await;
        assert_eq!(stream(&server.uri()).await.unwrap().1.output_text(), ANSWER, "{leak}");
    }
    // A part of the reasoning without a type.
    let part = json!({ "type": "response.content_part.done", "part": { "text": "secret ".repeat(9) } });
    let data = [part, delta(ANSWER), last(&completed(ANSWER))];
    let server = server(streamed(&data, "text/event-stream"), 1).await;
    assert_eq!(stream(&server.uri()).await.unwrap().1.output_text(), ANSWER);
}

#[tokio::test]
async fn rate_limits_are_recognized_in_all_their_forms() {
    for event in [
        json!({ "type": "response.failed", "error": { "code": 429 }, "response": { "status": "failed" } }),
        json!({ "type": "error", "error": "rate_limit_exceeded" }),
        json!({ "error": { "status_code": 429 } }),
        json!({ "error": { "code": 8, "status": "RESOURCE_EXHAUSTED" } }),
        json!({ "type": "error", "code": "ThrottlingException" }),
    ] {
        assert_eq!(stream_error(std::slice::from_ref(&event)).await, "RateLimited", "{event}");
    }
    for body in [
        json!({ "status": 429, "error": "Too Many Requests" }),
        json!({ "error": true, "code": 429 }),
        json!({ "code": 429, "msg": "x" }),
        json!({ "output": null, "error": { "code": "slow_down" } }),
        json!([{ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED" } }]),
    ] {
        let error = ask(&server(ok(body.clone()), 3).await.uri()).await.unwrap_err();
        assert!(matches!(error, Error::RateLimited { .. }), "{body}: {error:?}");
    }
    for code in [400, 503] {
        let body = json!({ "error": { "code": "rate_limit_exceeded" } });
        let template = status(code).insert_header("retry-after", "3600").set_body_json(body);
        let error = ask(&server(template, 1).await.uri()).await.unwrap_err();
        assert!(matches!(error, Error::RateLimited { retry_after: Some(_), .. }), "{code}: {error:?}");
    }
}

#[tokio::test]
async fn an_empty_error_or_a_byte_order_mark_never_costs_the_answer() {
    for error in [json!(null), json!(""), json!(false), json!({})] {
        let response = both(ok(with(&json!({ "error": error })))).await.unwrap();
        assert_eq!(response.output_text(), ANSWER);
    }
    for media_type in ["application/json", "text/plain", "text/event-stream"] {
        let body = format!("\u{feff}{}", completed(ANSWER));
        let response = both(status(200).set_body_raw(body, media_type)).await.unwrap();
        assert_eq!(response.output_text(), ANSWER, "{media_type}");
    }
}

#[tokio::test]
async fn the_statuses_of_proxies_are_retried() {
    for code in [520, 521, 522, 523, 524, 529, 530] {
        let requests = AtomicUsize::new(0);
        let respond = move |_: &wiremock::Request| {
            if requests.fetch_add(1, Ordering::SeqCst) == 0 { status(code) } else { ok(completed(ANSWER)) }
        };
        assert_eq!(ask(&server(respond, 2).await.uri()).await.unwrap().output_text(), ANSWER, "{code}");
    }
}

#[tokio::test]
async fn retry_after_in_milliseconds_counts() {
    let limited = status(429).insert_header("retry-after-ms", "7200500").insert_header("retry-after", "1");
    let error = ask(&server(limited, 1).await.uri()).await.unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_millis(), 7_200_500);
}

#[tokio::test]
async fn a_402_without_a_known_code_is_a_used_up_quota() {
    let error = ask(&server(status(402).set_body_string("Pay."), 1).await.uri()).await.unwrap_err();
    assert!(matches!(error, Error::QuotaExceeded { .. }), "{error:?}");
}

#[tokio::test]
async fn a_base_url_may_have_a_query() {
    let server = server(ok(completed(ANSWER)), 1).await;
    let base = format!("{}/v1?api-version=preview", server.uri());
    let client = builder(&server.uri()).base_url(base.parse().unwrap()).build().unwrap();
    client.create(&Request::new("m", "a note")).await.unwrap();
    let url = server.received_requests().await.unwrap().remove(0).url;
    assert_eq!((url.path(), url.query()), ("/v1/responses", Some("api-version=preview")));
    assert!(!format!("{client:?}").contains("preview"));
}
