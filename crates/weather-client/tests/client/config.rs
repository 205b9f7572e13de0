//! Settings that cannot work are refused when the client is built.

use std::time::Duration;

use daybook_weather_client::{Builder, Client, Error};
use url::Url;

fn assert_refused(builder: Builder) {
    let error = builder.build().expect_err("the setting cannot work");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
}

#[test]
fn the_defaults_are_accepted() {
    Client::builder().build().unwrap();
}

#[test]
fn times_of_zero_or_past_five_minutes_are_refused() {
    for seconds in [0, 301, u64::MAX] {
        let time = Duration::from_secs(seconds);
        assert_refused(Client::builder().timeout(time));
        assert_refused(Client::builder().connect_timeout(time));
    }
    let five_minutes = Duration::from_secs(300);
    Client::builder().timeout(five_minutes).connect_timeout(five_minutes).build().unwrap();
}

#[test]
fn a_concurrency_that_lets_nothing_through_is_refused() {
    assert_refused(Client::builder().max_concurrency(0));
    assert_refused(Client::builder().max_concurrency(usize::MAX));
}

#[test]
fn a_cache_lifetime_of_for_ever_is_accepted() {
    Client::builder().cache_lifetime(Duration::MAX).build().unwrap();
}

#[test]
fn base_urls_are_plain_http_or_https() {
    for url in [
        "ftp://example.com",
        "file:///etc/passwd",
        "mailto:somebody@example.com",
        "https://somebody@example.com",
        "https://:secret@example.com",
        "https://example.com/?apikey=secret",
        "https://example.com/#there",
    ] {
        let url: Url = url.parse().unwrap();
        assert_refused(Client::builder().geocoding_base_url(url.clone()));
        assert_refused(Client::builder().weather_base_url(url));
    }
}
