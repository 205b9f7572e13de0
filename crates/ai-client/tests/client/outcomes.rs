//! Responses with status 200 that are errors. The client retries none of them, since the provider
//! has done the work.

use daybook_ai_client::{Error, IncompleteReason, Status};
use serde_json::{Value, json};

use crate::support::{ask, completed, ok, server, status};

async fn failure_of(body: Value) -> Error {
    let server = server(ok(body), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    assert_eq!(error.request_id(), Some("req_1"), "{error:?}");
    error
}

fn incomplete(details: Value) -> Value {
    let mut body = completed("half an ans");
    body["status"] = json!("incomplete");
    body["incomplete_details"] = details;
    body["usage"] = json!({ "input_tokens": 9, "output_tokens": 16, "total_tokens": 25 });
    body
}

#[tokio::test]
async fn create_returns_reason_and_text_of_an_incomplete_response() {
    for (details, expected) in [
        (json!({ "reason": "max_output_tokens" }), IncompleteReason::MaxOutputTokens),
        (json!({ "reason": "content_filter" }), IncompleteReason::ContentFilter),
        (json!({ "reason": "boredom" }), IncompleteReason::Unknown),
        (Value::Null, IncompleteReason::Unknown),
    ] {
        let error = failure_of(incomplete(details)).await;
        let Error::Incomplete { reason, text, usage, .. } = error else { panic!("{error:?}") };
        assert_eq!((reason, text.as_str()), (expected, "half an ans"));
        assert_eq!(usage.unwrap().total_tokens, 25);
    }
}

#[tokio::test]
async fn create_returns_refused_even_if_there_is_text() {
    let mut body = completed("Of course: ");
    let parts = body["output"][0]["content"].as_array_mut().unwrap();
    parts.push(json!({ "type": "refusal", "refusal": "I can't help\nwith that." }));
    let error = failure_of(body).await;
    assert!(
        matches!(&error, Error::Refused { message, .. } if message == "I can't helpwith that."),
        "{error:?}"
    );
}

#[tokio::test]
async fn create_returns_code_and_message_of_a_failed_response() {
    let error = failure_of(json!({
        "status": "failed",
        "output": [],
        "error": { "code": "server_error", "message": "The model broke." },
    }))
    .await;
    let Error::Failed { status, code, message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (*status, code.as_deref(), message.as_str()),
        (Status::Failed, Some("server_error"), "The model broke.")
    );
    assert_eq!(
        error.to_string(),
        "the AI provider left the response failed (server_error): The model broke."
    );
}

#[tokio::test]
async fn create_returns_failed_for_other_statuses() {
    for (word, expected) in [
        ("cancelled", Status::Cancelled),
        ("queued", Status::Queued),
        ("in_progress", Status::InProgress),
        ("pondering", Status::Unknown),
    ] {
        let mut body = completed("text");
        body["status"] = json!(word);
        let error = failure_of(body).await;
        assert!(matches!(error, Error::Failed { status, .. } if status == expected), "{error:?}");
    }
}

#[tokio::test]
async fn create_returns_failed_for_an_error_in_a_completed_response() {
    let mut body = completed("text");
    body["error"] = json!({ "code": null, "message": "no" });
    let error = failure_of(body).await;
    assert!(matches!(&error, Error::Failed { code: None, message, .. } if message == "no"), "{error:?}");
}

#[tokio::test]
async fn create_returns_empty_for_a_response_without_text() {
    for body in [
        completed(""),
        completed(" \n"),
        json!({ "status": "completed", "output": [] }),
        json!({ "status": "completed", "output": null }),
        json!({ "status": "completed", "output": [{ "type": "reasoning", "summary": [] }] }),
    ] {
        let error = failure_of(body).await;
        assert!(matches!(error, Error::Empty { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn create_returns_malformed_for_json_of_another_shape() {
    let without_text = json!([{ "type": "message", "content": [{ "type": "output_text" }] }]);
    for body in [
        json!({}),
        json!([]),
        json!({ "object": "chat.completion", "choices": [] }),
        json!({ "status": "completed", "output": "a private text" }),
        json!({ "status": "completed", "output": without_text }),
    ] {
        let error = failure_of(body).await;
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("private"), "the response is quoted: {error:?}");
    }
}

#[tokio::test]
async fn create_returns_malformed_for_a_body_that_is_not_json() {
    let deep = "[".repeat(100_000);
    for body in ["", "<html>a private page</html>", r#"{"status":"completed","outp"#, "\u{0}", deep.as_str()]
    {
        let server =
            server(status(200).insert_header("x-request-id", "req_1").set_body_string(body), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(!format!("{error:?}").contains("private"), "the response is quoted: {error:?}");
    }
}
