//! A provider that is down, slow, faulty or hostile.

use std::error::Error as _;
use std::time::Duration;

use daybook_weather_client::{Client, Error};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{
    accept, builder, client, counts, forecast_body, healthy_provider, listen, ok, paris, provider,
    resolve_one, weather,
};

/// Returns the error if the geocoder sends this response, and the error if the forecaster does.
async fn errors(response: ResponseTemplate) -> [Error; 2] {
    let geocoder = provider(response.clone(), ok(forecast_body())).await;
    let forecaster = provider(ok(paris()), response).await;
    [failure(&client(&geocoder.uri())).await, failure(&client(&forecaster.uri())).await]
}

async fn failure(client: &Client) -> Error {
    weather(client, "Paris").await.expect_err("the provider is at fault")
}

/// Serves one connection: reads the headers of the request, sends the bytes and closes.
fn serve(listener: TcpListener, bytes: Vec<u8>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        stream.write_all(&bytes).await.expect("the client reads");
    })
}

#[tokio::test]
async fn an_error_status_is_unavailable() {
    for status in [400, 404, 418, 500, 502, 503, 504] {
        for error in errors(ResponseTemplate::new(status)).await {
            let Error::Unavailable { status: reported, retry_after: None } = error else {
                panic!("{error:?}")
            };
            assert_eq!(reported, status);
        }
    }
}

#[tokio::test]
async fn a_429_reports_retry_after_in_seconds_only() {
    for (header, seconds) in [("17", Some(17)), (" 0 ", Some(0)), ("soon", None), ("-1", None), ("1e9", None)]
    {
        for error in errors(ResponseTemplate::new(429).insert_header("retry-after", header)).await {
            let Error::Unavailable { status: 429, retry_after } = error else { panic!("{error:?}") };
            assert_eq!(retry_after, seconds.map(Duration::from_secs), "{header}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_documented_json_is_malformed() {
    for body in
        ["", "<html>", "{", "null", "[]", "7", r#"{"results":7,"daily":{}}"#, "{\"results\":[{}]}", "\u{0}"]
    {
        for error in errors(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await {
            assert!(matches!(error, Error::Malformed { .. }), "{body:?}: {error:?}");
        }
    }
    let not_utf8 = br#"{"results":[{"name":""#.iter().chain(b"\xff\xfe").copied().collect::<Vec<_>>();
    for error in errors(ResponseTemplate::new(200).set_body_raw(not_utf8, "application/json")).await {
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn deeply_nested_json_is_malformed() {
    let body = format!("{{\"results\":{}", "[".repeat(100_000));
    for error in errors(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await {
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    const LIMIT: usize = 256 * 1024;
    let padded = |length: usize| {
        let body = forecast_body().to_string();
        let padding = " ".repeat(length - body.len());
        ResponseTemplate::new(200).set_body_raw(body + &padding, "application/json")
    };

    for error in errors(padded(LIMIT + 1)).await {
        assert!(matches!(error, Error::TooLarge), "{error:?}");
    }
    let at_the_limit = provider(ok(paris()), padded(LIMIT)).await;
    weather(&client(&at_the_limit.uri()), "Paris").await.unwrap();
}

#[tokio::test]
async fn an_endless_body_is_too_large() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.expect("the client reads");
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    assert!(matches!(failure(&client(&url)).await, Error::TooLarge));
    server.await.expect("the client closes the connection, which ends the loop");
}

#[tokio::test]
async fn a_broken_response_is_a_transport_error() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\nconte",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"results\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"res\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ] {
        let (listener, url) = listen().await;
        let server = serve(listener, bytes.into());
        let error = failure(&client(&url)).await;
        assert!(matches!(error, Error::Transport { .. }), "{bytes:?}: {error:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_port_is_a_transport_error() {
    let (listener, url) = listen().await;
    drop(listener);
    assert!(matches!(failure(&client(&url)).await, Error::Transport { .. }));
}

#[tokio::test]
async fn a_timeout_is_cached_for_the_next_caller() {
    let (listener, url) = listen().await;
    let client = builder(&url).timeout(Duration::from_millis(100)).build().unwrap();
    assert!(matches!(failure(&client).await, Error::Timeout));
    let _connection = listener.accept().await.unwrap();

    // The port is closed from here on, so a second request would be a transport error.
    drop(listener);
    assert!(matches!(failure(&client).await, Error::Timeout));
}

#[tokio::test]
async fn an_incomplete_response_is_a_timeout() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        let part = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"results\":";
        stream.write_all(part).await.expect("the client reads");
        // The connection stays open, but nothing more is sent.
        std::future::pending::<()>().await;
        drop(stream);
    });
    let client = builder(&url).timeout(Duration::from_millis(200)).build().unwrap();
    assert!(matches!(failure(&client).await, Error::Timeout));
    server.abort();
}

#[tokio::test]
async fn a_place_stays_cached_if_the_forecaster_hangs() {
    let hung = ok(forecast_body()).set_delay(Duration::from_secs(3600));
    let server = provider(ok(paris()), hung).await;
    let client = builder(&server.uri()).timeout(Duration::from_secs(2)).build().unwrap();
    assert!(matches!(failure(&client).await, Error::Timeout));
    assert_eq!(resolve_one(&client, "Paris").await.unwrap().name, "Paris");
    assert_eq!(counts(&server).await, (1, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere: MockServer = healthy_provider().await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/v1/search?name=Paris", elsewhere.uri());
        for error in errors(ResponseTemplate::new(status).insert_header("location", location)).await {
            assert!(matches!(error, Error::Redirected), "{status}: {error:?}");
        }
    }
    assert_eq!(counts(&elsewhere).await, (0, 0));
}

#[tokio::test]
async fn errors_and_their_causes_contain_no_address_and_no_place() {
    let (listener, url) = listen().await;
    drop(listener);
    let unreachable = failure(&client(&url)).await;
    let [garbage, _] = errors(ResponseTemplate::new(200).set_body_string("<html>")).await;
    let address = url.trim_start_matches("http://");

    for error in [unreachable, garbage] {
        let cause = error.source().expect("the error has a cause for the log");
        assert!(!error.to_string().contains(&cause.to_string()), "{error}");
        let mut chain = vec![error.to_string(), format!("{error:?}")];
        let mut next = Some(cause);
        while let Some(cause) = next {
            chain.push(cause.to_string());
            next = cause.source();
        }
        for text in chain {
            assert!(!text.contains("http://") && !text.contains("Paris"), "{text}");
        }
        assert!(!error.to_string().contains(address), "{error}");
    }
}
