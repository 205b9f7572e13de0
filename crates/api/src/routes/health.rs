//! How the service is: for orchestrators and for Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::State;

/// Whether the service works, and each part that it depends on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Each part with `ok` or what is wrong with it.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"database": "ok"}))]
    checks: BTreeMap<&'static str, &'static str>,
}

/// A check that takes longer is a check that failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Is the process alive?
///
/// Asks nothing but the process itself.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "service",
    responses((status = 200, description = "It is", body = Health))
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", checks: BTreeMap::new() })
}

/// Can the service do its work?
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "service",
    responses(
        (status = 200, description = "It can", body = Health),
        (status = 503, description = "It cannot, or is about to stop", body = Health)
    )
)]
pub(crate) async fn ready(state: web::Data<State>) -> HttpResponse {
    // The unit goes on when nobody waits for it any more.
    let database = match tokio::time::timeout(PATIENCE, state.database.ping()).await {
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
    if let Some(is_well) = state.revocations.redis_is_well() {
        // The service does its work without it.
        checks.insert("redis", if is_well { "ok" } else { "unavailable" });
    }
    if is_ready {
        HttpResponse::Ok().json(Health { status: "ok", checks })
    } else {
        HttpResponse::ServiceUnavailable().json(Health { status: "unavailable", checks })
    }
}

/// Counters for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.encode().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
