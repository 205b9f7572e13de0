//! Answers whose status is not 2xx.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use daybook_ai_client::{Error, Request};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{answer, ask, builder, completed, rejection, server, status};

/// Answers with `first` the given number of times and then well.
fn at_first(times: usize, first: ResponseTemplate) -> impl Fn(&wiremock::Request) -> ResponseTemplate {
    let asked = AtomicUsize::new(0);
    move |_: &wiremock::Request| {
        if asked.fetch_add(1, Ordering::SeqCst) < times { first.clone() } else { answer(completed("ok")) }
    }
}

#[tokio::test]
async fn key_that_is_not_accepted_is_unauthorized_at_once() {
    for refused in [401, 403] {
        let server = server(rejection(refused, "invalid_api_key", "Incorrect API key."), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        let Error::Unauthorized { status, code, message, request_id } = error else { panic!("{error:?}") };
        assert_eq!((status, code.as_deref()), (refused, Some("invalid_api_key")));
        assert_eq!((message.as_str(), request_id.as_deref()), ("Incorrect API key.", Some("req_1")));
    }
}

#[tokio::test]
async fn request_that_is_not_accepted_is_invalid_at_once() {
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
async fn message_of_a_provider_is_bounded() {
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
async fn page_of_a_proxy_is_not_quoted() {
    let server = server(status(502).set_body_string("<h1>Bad Gateway</h1>"), 3).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert_eq!(error.to_string(), "the AI provider is unavailable with status 502");
}

#[tokio::test]
async fn rate_limit_is_tried_again() {
    let server = server(at_first(2, rejection(429, "rate_limit_exceeded", "Slow down.")), 3).await;
    assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
}

#[tokio::test]
async fn rate_limit_for_ever_is_told_after_the_last_attempt() {
    let server = server(rejection(429, "rate_limit_exceeded", "Slow down."), 3).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), None);
    assert!(matches!(error, Error::RateLimited { retry_after: None, .. }), "{error:?}");
}

#[tokio::test]
async fn wait_that_fits_is_honoured() {
    let past = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    for now in ["0", past.as_str()] {
        let limited = rejection(429, "rate_limit_exceeded", "Slow down.").insert_header("retry-after", now);
        let server = server(at_first(1, limited), 2).await;
        assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
    }
}

#[tokio::test]
async fn wait_in_seconds_that_does_not_fit_is_told_at_once() {
    for code in [429, 503] {
        let server = server(rejection(code, "busy", "Later.").insert_header("retry-after", "3600"), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)), "{error:?}");
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn wait_as_a_date_that_does_not_fit_is_told_at_once() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(7200));
    let server = server(rejection(429, "busy", "Later.").insert_header("retry-after", date), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    let Error::RateLimited { retry_after: Some(wait), .. } = error else { panic!("{error:?}") };
    assert!((3600..=7200).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn account_without_credit_is_not_tried_again() {
    let server = server(rejection(429, "insufficient_quota", "Check your billing."), 1).await;
    let error = ask(&server.uri()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        matches!(&error, Error::QuotaExceeded { message, .. } if message == "Check your billing."),
        "{error:?}"
    );
}

#[tokio::test]
async fn two_faults_and_an_answer_are_an_answer() {
    for passing in [408, 500, 502, 503, 504] {
        let server = server(at_first(2, status(passing)), 3).await;
        assert_eq!(ask(&server.uri()).await.unwrap().output_text(), "ok");
    }
}

#[tokio::test]
async fn faults_for_ever_are_unavailable_after_the_last_attempt() {
    for (retries, calls) in [(0, 1), (2, 3), (5, 6)] {
        let server = server(rejection(500, "server_error", "Sorry."), calls).await;
        let client = builder(&server.uri()).max_retries(retries).build().unwrap();
        let error = client.create(&Request::new("m", "a note")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status: 500, .. }), "{error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn fault_that_lasts_is_not_tried_again() {
    for lasting in [501, 505] {
        let server = server(status(lasting), 1).await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { status, .. } if status == lasting), "{error:?}");
    }
}

#[tokio::test]
async fn provider_that_wants_no_retry_gets_none() {
    for code in [429, 500] {
        let server = server(rejection(code, "busy", "No.").insert_header("x-should-retry", "false"), 1).await;
        ask(&server.uri()).await.unwrap_err();
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let private = MockServer::start().await;
    Mock::given(any()).respond_with(answer(completed("stolen"))).expect(0).mount(&private).await;
    for redirect in [301, 302, 303, 307, 308] {
        let server =
            server(status(redirect).insert_header("location", format!("{}/v1/responses", private.uri())), 1)
                .await;
        let error = ask(&server.uri()).await.unwrap_err();
        assert!(matches!(error, Error::Redirected { status, .. } if status == redirect), "{error:?}");
        assert!(!error.is_retryable());
    }
}
