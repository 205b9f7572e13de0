//! Look-ups of places and forecasts that no user can take from the others.
//!
//! A cached result has no limit. A request to the provider takes one permit of the user and one
//! unit of the user's quota. A look-up that shares the request of another user takes only a permit.

use std::sync::Arc;
use std::time::Duration;

use daybook_domain::UserId;
use daybook_throttle::{KeyedPermit, Refusal};
use daybook_weather_client::{Coordinates, Error, Forecast, Resolution};
use tokio::time::timeout;

use crate::state::State;

/// As long as a call to the provider may take. A user who waits longer has too many look-ups.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why nothing was looked up. `Display` is the sentence for the user.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("Too many of your cities are being looked up at once")]
    TooMany,
    #[error("You have looked up too many places, try again in {} s", .0.retry_after.as_secs_f64().ceil())]
    RateLimited(Refusal),
    #[error(transparent)]
    Provider(#[from] Error),
}

/// Returns the place of a city, or the candidates.
pub(super) async fn place(state: &State, user: UserId, city: &str) -> Result<Resolution, LookupError> {
    if let Some(cached) = state.weather.cached_resolution(city).await {
        return Ok(cached?);
    }
    let _permit = permit(state, user).await?;
    let admit = state.user_limits.weather(user, state.now());
    Ok(state.weather.resolve_if(city, admit).await.map_err(LookupError::RateLimited)??)
}

/// Returns the forecast for a place.
pub(super) async fn forecast(
    state: &State,
    user: UserId,
    coordinates: Coordinates,
) -> Result<Arc<Forecast>, LookupError> {
    if let Some(cached) = state.weather.cached_forecast(coordinates).await {
        return Ok(cached?);
    }
    let _permit = permit(state, user).await?;
    let admit = state.user_limits.weather(user, state.now());
    Ok(state.weather.forecast_if(coordinates, admit).await.map_err(LookupError::RateLimited)??)
}

/// Waits until fewer than the maximum number of the user's look-ups are in progress.
async fn permit(state: &State, user: UserId) -> Result<KeyedPermit<UserId>, LookupError> {
    timeout(PERMIT_TIMEOUT, state.lookups.acquire(user)).await.map_err(|_| LookupError::TooMany)
}
