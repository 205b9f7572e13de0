//! The requests that the client sends, and complete responses.

use daybook_ai_client::{
    ApiKey, Client, Content, Message, OutputItem, ReasoningEffort, Request, Role, Status, SummaryText,
};
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{KEY, ask, builder, completed, ok, server, status};

/// Sends `request` and returns it as the server received it.
async fn sent(request: &Request) -> wiremock::Request {
    let server = server(ok(completed("ok")), 1).await;
    builder(&server.uri()).build().unwrap().create(request).await.unwrap();
    server.received_requests().await.unwrap().remove(0)
}

async fn sent_json(request: &Request) -> Value {
    sent(request).await.body_json().unwrap()
}

#[tokio::test]
async fn create_sends_exactly_these_headers() {
    let request = sent(&Request::new("m", "a note")).await;
    let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("user-agent"), Some(concat!("daybook-ai-client/", env!("CARGO_PKG_VERSION"))));
    let mut names: Vec<_> = request.headers.keys().map(wiremock::http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
}

#[tokio::test]
async fn create_sends_store_false_by_default() {
    assert_eq!(
        sent_json(&Request::new("gpt-5-nano", "a note")).await,
        json!({ "model": "gpt-5-nano", "input": "a note", "store": false })
    );
}

#[tokio::test]
async fn create_sends_all_fields_as_the_api_requires() {
    let conversation = vec![
        Message::new(Role::System, "s"),
        Message::new(Role::Developer, "d"),
        Message::new(Role::User, "u"),
        Message::new(Role::Assistant, "a"),
    ];
    let request = Request::new("gpt-5-nano", conversation)
        .instructions("be brief")
        .max_output_tokens(64)
        .store(true)
        .reasoning_effort(ReasoningEffort::Minimal)
        .metadata("feature", "summary");
    assert_eq!(
        sent_json(&request).await,
        json!({
            "model": "gpt-5-nano",
            "input": [
                { "role": "system", "content": [{ "type": "input_text", "text": "s" }] },
                { "role": "developer", "content": [{ "type": "input_text", "text": "d" }] },
                { "role": "user", "content": [{ "type": "input_text", "text": "u" }] },
                { "role": "assistant", "content": [{ "type": "output_text", "text": "a" }] },
            ],
            "instructions": "be brief",
            "max_output_tokens": 64,
            "store": true,
            "reasoning": { "effort": "minimal" },
            "metadata": { "feature": "summary" },
        })
    );
}

#[tokio::test]
async fn create_accepts_a_base_url_with_a_slash_at_the_end() {
    let server = server(ok(completed("ok")), 1).await;
    let client = Client::builder(ApiKey::new(KEY).unwrap())
        .base_url(format!("{}/v1/", server.uri()).parse().unwrap())
        .build()
        .unwrap();
    client.create(&Request::new("m", "a note")).await.unwrap();
}

#[tokio::test]
async fn create_reads_all_fields_of_an_openai_response() {
    let server = server(
        ok(json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 1_741_476_777,
            "status": "completed",
            "error": null,
            "incomplete_details": null,
            "model": "gpt-5-nano-2025-08-07",
            "output": [
                { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }] },
                {
                    "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
                    "content": [
                        { "type": "output_text", "text": "Moved to ", "annotations": [], "logprobs": [] },
                        { "type": "output_text", "text": "Thursday.", "annotations": [] },
                    ],
                },
            ],
            "usage": {
                "input_tokens": 36,
                "input_tokens_details": { "cached_tokens": 4 },
                "output_tokens": 87,
                "output_tokens_details": { "reasoning_tokens": 64 },
                "total_tokens": 123,
            },
        })),
        1,
    )
    .await;
    let response = ask(&server.uri()).await.unwrap();

    assert_eq!(response.output_text(), "Moved to Thursday.");
    assert_eq!(response.id, "resp_1");
    assert_eq!(response.model, "gpt-5-nano-2025-08-07");
    assert_eq!(response.status, Status::Completed);
    assert_eq!(response.created_at, Some(1_741_476_777));
    assert_eq!(response.request_id.as_deref(), Some("req_1"));
    let OutputItem::Reasoning { summary } = &response.output[0] else { panic!("{:?}", response.output) };
    assert!(matches!(summary.as_slice(), [SummaryText { text, .. }] if text == "hm"));
    let usage = response.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (36, 87, 123));
    assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(4), Some(64)));
}

#[tokio::test]
async fn create_accepts_a_response_without_optional_fields() {
    let mut body = completed("ok");
    body["usage"] = json!({ "input_tokens": 3, "output_tokens": 2 });
    body["created_at"] = json!(1_741_476_777.25);
    body["output"].as_array_mut().unwrap().insert(0, json!({ "type": "reasoning", "summary": null }));
    let server = server(status(200).set_body_json(body), 1).await;
    let response = ask(&server.uri()).await.unwrap();

    assert_eq!(response.output_text(), "ok");
    assert_eq!((response.id.as_str(), response.model.as_str()), ("", ""));
    assert_eq!(response.created_at, Some(1_741_476_777));
    assert_eq!(response.request_id, None);
    let usage = response.usage.unwrap();
    assert_eq!((usage.total_tokens, usage.cached_tokens, usage.reasoning_tokens), (5, None, None));
}

#[tokio::test]
async fn create_ignores_items_and_parts_of_unknown_types() {
    let server = server(
        ok(json!({
            "status": "completed",
            "output": [
                { "type": "web_search_call", "id": "ws_1", "action": { "query": "q" } },
                { "type": "message", "content": [
                    { "type": "output_hologram", "voxels": [1, 2] },
                    { "type": "output_text", "text": "ok" },
                ] },
            ],
        })),
        1,
    )
    .await;
    let response = ask(&server.uri()).await.unwrap();

    assert_eq!(response.output_text(), "ok");
    assert_eq!(
        response.output,
        [
            OutputItem::Unknown,
            OutputItem::Message {
                content: vec![Content::Unknown, Content::OutputText { text: "ok".into() }]
            },
        ]
    );
}

#[tokio::test]
async fn clone_sends_to_the_same_server() {
    let server: MockServer = server(ok(completed("ok")), 2).await;
    let client = builder(&server.uri()).build().unwrap();
    let request = Request::new("m", "a note");
    client.clone().create(&request).await.unwrap();
    client.create(&request).await.unwrap();
}
