//! `ClientBuilder::build` rejects settings that cannot work.

use std::time::Duration;

use daybook_weather_client::{Client, ClientBuilder, Error};
use url::Url;

fn assert_rejected(builder: ClientBuilder) {
    let error = builder.build().expect_err("the setting cannot work");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
}

#[test]
fn build_accepts_the_defaults() {
    Client::builder().build().unwrap();
}

#[test]
fn build_rejects_times_of_zero_or_over_five_minutes() {
    for seconds in [0, 301, u64::MAX] {
        let time = Duration::from_secs(seconds);
        assert_rejected(Client::builder().timeout(time));
        assert_rejected(Client::builder().connect_timeout(time));
        assert_rejected(Client::builder().pause(time));
    }
    let five_minutes = Duration::from_secs(300);
    Client::builder()
        .timeout(five_minutes)
        .connect_timeout(five_minutes)
        .pause(five_minutes)
        .build()
        .unwrap();
}

#[test]
fn build_rejects_a_concurrency_out_of_range() {
    assert_rejected(Client::builder().max_concurrency(0));
    assert_rejected(Client::builder().max_concurrency(usize::MAX));
}

#[test]
fn build_accepts_an_unlimited_cache_lifetime() {
    Client::builder().cache_lifetime(Duration::MAX).build().unwrap();
}

#[test]
fn build_rejects_base_urls_that_are_not_plain_http_or_https() {
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
        assert_rejected(Client::builder().geocoding_base_url(url.clone()));
        assert_rejected(Client::builder().weather_base_url(url));
    }
}
