//! Responses with a status other than 2xx.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use daybook_ai_client::{Error, Request};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{ask, builder, completed, ok, rejection, server, status};

/// Responds with `first` the given number of times, and then with a complete response.
fn at_first(times: usize, first: ResponseTemplate) -> impl Fn(&wiremock::Request) -> ResponseTemplate {
    let requests = AtomicUsize::new(0);
    move |_: &wiremock::Request| {
        if requests.fetch_add(1, Ordering::SeqCst) < times { first.clone() } else { ok(completed("ok")) }
    }
}

#[tokio::test]
async fn create_returns_unauthorized_without_a_retry() {
    for refused in [401, 403] {
        let server = server(rejection(refused, "invalid_api_key", "Incorrect API key."), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        let Error::Unauthorized { status, code, message, request_id } = error else { panic!("{error:?}") };
        assert_eq!((status, code.as_deref()), (refused, Some("invalid_api_key")));
        assert_eq!((message.as_str(), request_id.as_deref()), ("Incorrect API key.", Some("req_1")));
    }
}

#[tokio::test]
async fn create_returns_invalid_request_without_a_retry() {
    for refused in [400, 402, 404, 409, 413, 418, 422] {
        let server = server(rejection(refused, "model_not_found", "No such model."), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!(
                "the AI provider rejected the request with status {refused} (model_not_found): No such model."
            )
        );
        assert!(matches!(error, Error::InvalidRequest { status, .. } if status == refused), "{error:?}");
    }
}

#[tokio::test]
async fn create_truncates_the_message_of_the_provider() {
    let long = format!("\u{1b}]0;pwned\u{7}{}", "é".repeat(5_000));
    let server = server(rejection(400, &long, &long), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    let Error::InvalidRequest { code, message, .. } = error else { panic!("{error:?}") };
    for text in [code.unwrap(), message] {
        assert_eq!(text.chars().count(), 500);
        assert!(text.starts_with("]0;pwnedé") && !text.contains(char::is_control), "{text}");
    }
}

#[tokio::test]
async fn create_does_not_quote_the_html_of_a_proxy() {
    let server = server(status(502).set_body_string("<h1>Bad Gateway</h1>"), 3).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert_eq!(error.to_string(), "the AI provider is unavailable with status 502");
}

#[tokio::test]
async fn create_retries_a_rate_limit() {
    let server = server(at_first(2, rejection(429, "rate_limit_exceeded", "Slow down.")), 3).await;
    assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
}

#[tokio::test]
async fn create_returns_rate_limited_after_the_last_attempt() {
    let server = server(rejection(429, "rate_limit_exceeded", "Slow down."), 3).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), None);
    assert!(matches!(error, Error::RateLimited { retry_after: None, .. }), "{error:?}");
}

#[tokio::test]
async fn create_retries_if_retry_after_ends_before_the_deadline() {
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    for now in ["0", past.as_str()] {
        let limited = rejection(429, "rate_limit_exceeded", "Slow down.").insert_header("retry-after", now);
        let server = server(at_first(1, limited), 2).await;
        assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
    }
}

#[tokio::test]
async fn create_returns_a_retry_after_in_seconds_that_exceeds_the_deadline() {
    for code in [429, 503] {
        let server = server(rejection(code, "busy", "Later.").insert_header("retry-after", "3600"), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)), "{error:?}");
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn create_returns_a_retry_after_date_that_exceeds_the_deadline() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(7200));
    let server = server(rejection(429, "busy", "Later.").insert_header("retry-after", date), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    let Error::RateLimited { retry_after: Some(wait), .. } = error else { panic!("{error:?}") };
    assert!((3600..=7200).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn create_does_not_retry_quota_exceeded() {
    let server = server(rejection(429, "insufficient_quota", "Check your billing."), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        matches!(&error, Error::QuotaExceeded { message, .. } if message == "Check your billing."),
        "{error:?}"
    );
}

#[tokio::test]
async fn create_succeeds_after_two_transient_statuses() {
    for transient in [408, 500, 502, 503, 504] {
        let server = server(at_first(2, status(transient)), 3).await;
        assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
    }
}

#[tokio::test]
async fn create_returns_unavailable_after_the_last_attempt() {
    for (retries, requests) in [(0, 1), (2, 3), (5, 6)] {
        let server = server(rejection(500, "server_error", "Sorry."), requests).await;
        let client = builder(&server.uri()).max_retries(retries).build().unwrap();
        let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 500, .. }), "{error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn create_does_not_retry_a_permanent_5xx() {
    for permanent in [501, 505] {
        let server = server(status(permanent), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status, .. } if status == permanent), "{error:?}");
    }
}

#[tokio::test]
async fn create_does_not_retry_if_x_should_retry_is_false() {
    for code in [429, 500] {
        let server = server(rejection(code, "busy", "No.").insert_header("x-should-retry", "false"), 1).await;
        ask(&server.uri()).await.unwrap_err();
    }
}

#[tokio::test]
async fn create_does_not_follow_a_redirect() {
    let private = MockServer::start().await;
    Mock::given(any()).respond_with(ok(completed("stolen"))).expect(0).mount(&private).await;
    for redirect in [301, 302, 303, 307, 308] {
        let server =
            server(status(redirect).insert_header("location", format!("{}/v1/responses", private.uri())), 1)
                .await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Redirected { status, .. } if status == redirect), "{error:?}");
        assert!(!error.is_retryable());
    }
}
