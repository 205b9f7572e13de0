//! The state of the service, for orchestrators and Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use daybook_api_macros::endpoint;
use serde::Serialize;
use utoipa::ToSchema;

use crate::endpoint::{Json, PlainText, Respond, Spec, json_response};
use crate::error::ApiError;
use crate::extract::Anyone;
use crate::state::State;

/// The state of the service and of each part that it depends on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Each part with `ok` or its problem.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"database": "ok"}))]
    checks: BTreeMap<&'static str, &'static str>,
}

/// 200 if the service can do its work, 503 otherwise. Both have the same body.
pub(crate) struct Readiness(Health);

impl Respond for Readiness {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        let is_ready = self.0.status == "ok";
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(HttpResponse::build(status).json(self.0))
    }

    fn describe(spec: &mut Spec) {
        let content = spec.content::<Health>();
        spec.success(200, json_response("The service can do its work", content.clone()));
        spec.success(503, json_response("It cannot, or it is about to stop", content));
    }
}

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Check that the process is alive
///
/// This does not depend on the database.
#[endpoint(GET "/health/live")]
pub(crate) async fn live(_: Anyone) -> Json<Health> {
    Json(Health { status: "ok", checks: BTreeMap::new() })
}

/// Check that the service can do its work
#[endpoint(GET "/health/ready")]
pub(crate) async fn ready(_: Anyone, state: Data<State>) -> Readiness {
    // After the timeout the query runs on, but its result is dropped.
    let database = match tokio::time::timeout(CHECK_TIMEOUT, state.database.ping()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database is not ready");
            "unavailable"
        }
        Err(_) => "does not answer",
    };
    let mut checks = BTreeMap::from([("database", database)]);
    if state.is_draining() {
        checks.insert("server", "stopping");
    }
    let is_ready = checks.values().all(|check| *check == "ok");
    if let Some(is_healthy) = state.revocations.redis_is_healthy() {
        // The service does its work without Redis.
        checks.insert("redis", if is_healthy { "ok" } else { "unavailable" });
    }
    Readiness(Health { status: if is_ready { "ok" } else { "unavailable" }, checks })
}

/// Get counters for Prometheus
#[endpoint(GET "/metrics")]
pub(crate) async fn metrics(_: Anyone, state: Data<State>) -> Result<PlainText, ApiError> {
    let text = state.metrics.encode().map_err(ApiError::internal)?;
    Ok(PlainText { content_type: "text/plain; version=0.0.4; charset=utf-8", text })
}
