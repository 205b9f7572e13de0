//! A panic in a handler affects its own response only.

use actix_web::body::to_bytes;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use daybook_persistence::Database;

use super::surround;
use crate::config::{Config, Environment};
use crate::state::State;
use crate::token_keys;

async fn panics() -> HttpResponse {
    panic!("a canary in a panic")
}

#[actix_web::test]
async fn surround_turns_a_panic_into_a_500() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/day.db", folder.path().display());
    let secret = ("JWT_SECRET_KEY", "xvXM9Z8pQ7YnK4mR2wL5bN6hJ3gF1dS0aT9cE8vP7uO6");
    let config =
        Config::from_environment(&Environment::from([("DATABASE_URL", database.as_str()), secret])).unwrap();
    let keys = token_keys::make(&config).unwrap();
    let database = Database::open(&config.database_url).unwrap();
    let state = State::new(&config, database, keys).unwrap();
    let metrics = state.metrics.clone();
    let app = App::new()
        .app_data(web::Data::new(state))
        .route("/panics", web::get().to(panics))
        .route("/works", web::get().to(HttpResponse::Ok))
        .wrap(from_fn(surround));
    let app = init_service(app).await;
    for _ in 0..3 {
        let request = TestRequest::get().uri("/panics").insert_header(("x-request-id", "mine")).to_request();
        let Err(error) = try_call_service(&app, request).await else {
            panic!("the response to the panic is a success")
        };
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        for (name, value) in [("x-request-id", "mine"), ("x-content-type-options", "nosniff")] {
            assert_eq!(response.headers().get(name).unwrap(), value);
        }
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(body, r#"{"detail":"Internal Server Error"}"#);
        let next = try_call_service(&app, TestRequest::get().uri("/works").to_request()).await.unwrap();
        assert_eq!(next.status(), 200);
    }
    let text = metrics.encode().unwrap();
    assert!(text.contains("http_requests_in_flight 0"), "{text}");
    assert!(text.contains(r#"http_requests_total{method="GET",route="none",status="500"} 3"#), "{text}");
}
