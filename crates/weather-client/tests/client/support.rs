//! Responses of Open-Meteo, a mock server that sends them, and a plain socket.
//!
//! The socket produces faults that the mock server cannot produce.

use std::sync::Arc;
use std::time::Duration;

use daybook_weather_client::{Client, ClientBuilder, Error, Forecast, Place, Resolution};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const SEARCH: &str = "/v1/search";
pub(crate) const FORECAST: &str = "/v1/forecast";

/// Long enough for a busy machine. A test that reaches this timeout has failed.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn paris() -> Value {
    json!({
        "results": [{
            "id": 2_988_507, "name": "Paris", "latitude": 48.85341, "longitude": 2.3488, "elevation": 42.0,
            "feature_code": "PPLC", "country_code": "FR", "admin1_id": 3_012_874, "timezone": "Europe/Paris",
            "population": 2_138_551, "country_id": 3_017_382, "country": "France", "admin1": "Île-de-France",
        }],
        "generationtime_ms": 0.68,
    })
}

pub(crate) fn forecast_body() -> Value {
    json!({
        "latitude": 48.86, "longitude": 2.3599997, "generationtime_ms": 0.11, "utc_offset_seconds": 3600,
        "timezone": "Europe/Paris", "timezone_abbreviation": "GMT+1", "elevation": 42.0,
        "current_units": {"time": "iso8601", "temperature_2m": "°C"},
        "current": {
            "time": "2026-11-22T10:15", "interval": 900, "temperature_2m": 7.4, "apparent_temperature": 4.1,
            "relative_humidity_2m": 81, "precipitation": 0.2, "weather_code": 61, "wind_speed_10m": 14.8,
        },
        "daily": {
            "time": ["2026-11-22", "2026-11-23"],
            "weather_code": [61, 3],
            "temperature_2m_max": [9.1, 8.0],
            "temperature_2m_min": [3.2, -1.5],
            "precipitation_probability_max": [88, 4],
        },
    })
}

/// Returns a search result with these areas. The coordinates are the same for all places.
pub(crate) fn place(name: &str, admin1: &str, country_code: &str, population: Option<u64>) -> Value {
    let country = if country_code == "US" { "United States" } else { "Elsewhere" };
    json!({
        "name": name, "admin1": admin1, "country": country, "country_code": country_code,
        "latitude": 39.8, "longitude": -89.6, "timezone": "America/Chicago", "population": population,
    })
}

/// Returns the forecast with the value at a JSON pointer replaced.
pub(crate) fn forecast_body_with(pointer: &str, value: Value) -> Value {
    let mut body = forecast_body();
    *body.pointer_mut(pointer).expect("the pointer matches a value of the forecast") = value;
    body
}

pub(crate) fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Starts a provider. Its geocoder and its forecaster send these responses.
pub(crate) async fn provider(search: ResponseTemplate, forecast: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(SEARCH)).respond_with(search).mount(&server).await;
    Mock::given(path(FORECAST)).respond_with(forecast).mount(&server).await;
    server
}

pub(crate) async fn healthy_provider() -> MockServer {
    provider(ok(paris()), ok(forecast_body())).await
}

pub(crate) fn builder(base: &str) -> ClientBuilder {
    let base: Url = base.parse().expect("a server has a URL");
    Client::builder().geocoding_base_url(base.clone()).weather_base_url(base).timeout(TEST_TIMEOUT)
}

pub(crate) fn client(base: &str) -> Client {
    builder(base).build().expect("the settings are in range")
}

/// Starts a geocoder with these search results, and returns its client.
pub(crate) async fn geocoder(results: Vec<Value>) -> (MockServer, Client) {
    let server = provider(ok(json!({ "results": results })), ok(forecast_body())).await;
    let client = client(&server.uri());
    (server, client)
}

/// Resolves a name that must not be ambiguous, and returns the place's label.
pub(crate) async fn label(client: &Client, name: &str) -> String {
    resolve_one(client, name).await.expect("the geocoder responds").label()
}

/// Resolves a name that must be ambiguous, and returns the labels of the candidates.
pub(crate) async fn candidate_labels(client: &Client, name: &str) -> Vec<String> {
    match client.resolve(name).await.expect("the geocoder responds") {
        Resolution::Several(places) => places.iter().map(Place::label).collect(),
        Resolution::One(place) => panic!("{name}: {place:?}"),
    }
}

/// Resolves a name that must not be ambiguous.
pub(crate) async fn resolve_one(client: &Client, name: &str) -> Result<Place, Error> {
    match client.resolve(name).await? {
        Resolution::One(place) => Ok(place),
        Resolution::Several(places) => panic!("{name} is ambiguous: {places:?}"),
    }
}

/// Resolves a name that must not be ambiguous, and returns the place and its forecast.
pub(crate) async fn weather(client: &Client, name: &str) -> Result<(Place, Arc<Forecast>), Error> {
    let place = resolve_one(client, name).await?;
    let forecast = client.forecast(place.coordinates()).await?;
    Ok((place, forecast))
}

pub(crate) async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.expect("requests are recorded by default")
}

/// Returns the number of requests to the geocoder and to the forecaster.
pub(crate) async fn counts(server: &MockServer) -> (usize, usize) {
    let requests = requests(server).await;
    let count = |path| requests.iter().filter(|request| request.url.path() == path).count();
    (count(SEARCH), count(FORECAST))
}

/// Returns a listening socket and its URL.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, format!("http://{address}"))
}

/// Accepts the next connection and reads the headers of its request.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.expect("the socket listens");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request has a whole head"));
    }
    stream
}

/// Sends a complete response with status 200 and closes the connection.
pub(crate) async fn respond(mut stream: TcpStream, body: &Value) {
    let body = body.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("the client reads");
    stream.write_all(body.as_bytes()).await.expect("the client reads");
}
