//! Mocks of the servers that the service calls: an AI provider and Open-Meteo.

/// A mock of the Responses API.
pub(crate) mod provider {
    use std::time::Duration;

    use serde_json::{Value, json};
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    /// Returns a completed response with this text.
    pub(crate) fn completed(text: &str) -> Value {
        json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 1_795_338_956,
            "status": "completed",
            "model": "gpt-5-nano-2025-08-07",
            "output": [
                { "type": "reasoning", "id": "rs_1", "summary": [] },
                {
                    "type": "message",
                    "id": "msg_1",
                    "status": "completed",
                    "role": "assistant",
                    "content": [{ "type": "output_text", "text": text, "annotations": [] }]
                }
            ],
            "usage": { "input_tokens": 96, "output_tokens": 14, "total_tokens": 110 }
        })
    }

    /// Starts a server with the same response for every request.
    pub(crate) async fn answering(template: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST")).and(path("/v1/responses")).respond_with(template).mount(&server).await;
        server
    }

    /// Starts a server that returns this text as the summary of every note.
    pub(crate) async fn summarizing(text: &str) -> MockServer {
        answering(ResponseTemplate::new(200).set_body_json(completed(text))).await
    }

    /// Starts a server that returns this text after the delay.
    pub(crate) async fn summarizing_after(delay: Duration, text: &str) -> MockServer {
        answering(ResponseTemplate::new(200).set_body_json(completed(text)).set_delay(delay)).await
    }
}

/// A mock of Open-Meteo: the geocoder and the forecast.
pub(crate) mod weather {
    use std::time::Duration;

    use serde_json::json;
    use wiremock::matchers::{method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    /// Starts a server that knows Lisbon and three Springfields. All have the same forecast.
    pub(crate) async fn of_lisbon() -> MockServer {
        of_lisbon_after(Duration::ZERO).await
    }

    /// Starts the same server, which returns Lisbon after the delay.
    pub(crate) async fn of_lisbon_after(delay: Duration) -> MockServer {
        let server = MockServer::start().await;
        let place = json!({ "results": [{
            "id": 2_267_057, "name": "Lisbon", "latitude": 38.716_67, "longitude": -9.133_33,
            "country_code": "PT", "country": "Portugal", "admin1": "Lisbon", "timezone": "Europe/Lisbon"
        }], "generationtime_ms": 0.5 });
        let forecast = json!({
            "latitude": 38.71, "longitude": -9.14, "utc_offset_seconds": 0, "timezone": "Europe/Lisbon",
            "current": {
                "time": "2026-11-22T09:15", "interval": 900, "temperature_2m": 21.5,
                "apparent_temperature": 21.0, "relative_humidity_2m": 60, "precipitation": 0.0,
                "weather_code": 3, "wind_speed_10m": 12.3
            },
            "daily": {
                "time": (22..=30).map(|day| format!("2026-11-{day}")).collect::<Vec<_>>(),
                "weather_code": [3, 61, 0, 0, 0, 0, 0, 0, 71],
                "temperature_2m_max": [22.0, 19.5, 1, 1, 1, 1, 1, 1, -2.5],
                "temperature_2m_min": [14.0, 13.0, 0, 0, 0, 0, 0, 0, -7.0],
                "precipitation_probability_max": [5, 80, 0, 0, 0, 0, 0, 0, 90]
            }
        });
        let known = Mock::given(method("GET")).and(path("/v1/search")).and(query_param("name", "Lisbon"));
        let found = ResponseTemplate::new(200).set_body_json(place).set_delay(delay);
        known.respond_with(found).mount(&server).await;
        let springfield = |admin1: &str, population: u32| {
            json!({
                "name": "Springfield", "latitude": 39.8, "longitude": -89.6, "country_code": "US",
                "country": "United States", "admin1": admin1, "timezone": "America/Chicago",
                "population": population
            })
        };
        let several = json!({ "results": [
            springfield("Missouri", 166_810),
            springfield("Illinois", 116_565),
            springfield("Massachusetts", 154_341)
        ]});
        let named =
            Mock::given(method("GET")).and(path("/v1/search")).and(query_param("name", "Springfield"));
        named.respond_with(ResponseTemplate::new(200).set_body_json(several)).mount(&server).await;
        let unknown = ResponseTemplate::new(200).set_body_json(json!({ "generationtime_ms": 0.5 }));
        Mock::given(method("GET"))
            .and(path("/v1/search"))
            .respond_with(unknown)
            .with_priority(9)
            .mount(&server)
            .await;
        let forecast = ResponseTemplate::new(200).set_body_json(forecast);
        Mock::given(method("GET")).and(path("/v1/forecast")).respond_with(forecast).mount(&server).await;
        server
    }
}
