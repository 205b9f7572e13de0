//! The client: caches in front of the requests to the geocoder and the forecaster.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::cache::{Cache, get_or_fetch};
use crate::coordinates::Coordinates;
use crate::error::Error;
use crate::forecast::response::ForecastResponse;
use crate::forecast::{Forecast, request};
use crate::geocoding::{Place, PlaceName, Resolution, SearchResponse};
use crate::http::{Http, Provider};

/// Requests places and forecasts from Open-Meteo, and caches the responses.
///
/// Clones are cheap. They share the caches, the connections and the limit on concurrent requests.
/// So a program needs only one client. [`Client::builder`] returns a builder.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) search: Provider,
    pub(crate) forecast: Provider,
    /// The search results by the name's cache key.
    pub(crate) places: Cache<String, Arc<[Place]>>,
    /// The forecasts by the coordinates' cache key.
    pub(crate) forecasts: Cache<[u64; 2], Arc<Forecast>>,
    /// The last successful forecasts, returned as stale if a newer one cannot be fetched.
    pub(crate) stale: moka::future::Cache<[u64; 2], Arc<Forecast>>,
    pub(crate) timeout: Duration,
    pub(crate) clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Client {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Returns the place with this name, or the candidates if the name is ambiguous.
    ///
    /// The case of the name, and the kind and amount of white space, do not matter. Each part after
    /// a comma must be an area, the country or a code of a region or the country: `Springfield,
    /// Illinois, US` or `Springfield, IL`. Codes of regions are those of ISO 3166-2. Among several
    /// places, one is chosen if its population is at least four times that of the next one.
    /// Open-Meteo's [geocoder](https://open-meteo.com/en/docs/geocoding-api) does the search.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] if the geocoder finds no such place, which is cached for 5 minutes.
    /// The same error is returned without a request if the name is empty, is longer than 100
    /// characters, or contains control characters. Every other error except [`Error::Config`] is
    /// possible. All but [`Error::Paused`] are cached for at least 5 seconds (see the [crate's
    /// page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. If other callers wait for the same response, one
    /// of them sends the request again.
    pub async fn resolve(&self, name: &str) -> Result<Resolution, Error> {
        always(self.resolve_if(name, ready(Ok(()))).await)
    }

    /// Returns the place with this name, like [`Client::resolve`]. If that needs a request, awaits
    /// `admit` first, for example to take it from a quota of the caller's user.
    ///
    /// `admit` is not awaited if the result is cached, if another caller's request is in flight, or
    /// if the provider gets no requests now ([`Error::Paused`]). It counts toward the timeout.
    ///
    /// # Errors
    ///
    /// The outer error is that of `admit`. Then no request was sent, and other callers that wait
    /// for the same response await their own `admit`. The inner errors are those of
    /// [`Client::resolve`].
    ///
    /// # Cancellation
    ///
    /// As for [`Client::resolve`].
    pub async fn resolve_if<R>(
        &self,
        name: &str,
        admit: impl Future<Output = Result<(), R>>,
    ) -> Result<Result<Resolution, Error>, R> {
        let Inner { http, search, places, .. } = &*self.inner;
        let deadline = self.deadline();
        let name = match PlaceName::parse(name) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let fetch = async {
            let url = name.search_url(&search.endpoint);
            let response: SearchResponse = http.get(search, url, deadline).await?;
            response.into_places()
        };
        let places = get_or_fetch(places, name.cache_key(), unless_paused(search, admit), fetch).await;
        Ok(unrefused(places)?.and_then(|places| Resolution::new(&name, &places)))
    }

    /// Returns the cached result of [`Client::resolve`], or `None` if it is not cached.
    pub async fn cached_resolution(&self, name: &str) -> Option<Result<Resolution, Error>> {
        let name = match PlaceName::parse(name) {
            Ok(name) => name,
            Err(error) => return Some(Err(error)),
        };
        let places = self.inner.places.get(name.cache_key()).await?;
        Some(places.and_then(|places| Resolution::new(&name, &places)))
    }

    /// Returns the [forecast](https://open-meteo.com/en/docs) for these coordinates.
    ///
    /// The forecast comes from the cache or from Open-Meteo. If Open-Meteo cannot be reached, the
    /// last successful forecast is returned for up to six hours, marked as [`Forecast::stale`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] without a request if a coordinate is out of range. Every other error
    /// except [`Error::Config`] is possible. All but [`Error::Paused`] are cached for at least 5
    /// seconds (see the [crate's page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. If other callers wait for the same response, one
    /// of them sends the request again.
    pub async fn forecast(&self, coordinates: Coordinates) -> Result<Arc<Forecast>, Error> {
        always(self.forecast_if(coordinates, ready(Ok(()))).await)
    }

    /// Returns the forecast, like [`Client::forecast`]. If that needs a request, awaits `admit`
    /// first, as in [`Client::resolve_if`].
    ///
    /// # Errors
    ///
    /// The outer error is that of `admit`, as in [`Client::resolve_if`]. The inner errors are those
    /// of [`Client::forecast`].
    ///
    /// # Cancellation
    ///
    /// As for [`Client::forecast`].
    pub async fn forecast_if<R>(
        &self,
        coordinates: Coordinates,
        admit: impl Future<Output = Result<(), R>>,
    ) -> Result<Result<Arc<Forecast>, Error>, R> {
        let Inner { http, forecast, forecasts, stale, clock, .. } = &*self.inner;
        let deadline = self.deadline();
        let coordinates = match coordinates.checked() {
            Ok(coordinates) => coordinates,
            Err(error) => return Ok(Err(error)),
        };
        let key = coordinates.cache_key();
        let fetch = async {
            let url = request::url(&forecast.endpoint, coordinates);
            let response: ForecastResponse = http.get(forecast, url, deadline).await?;
            let fetched = Arc::new(response.into_forecast(clock())?);
            stale.insert(key, Arc::clone(&fetched)).await;
            Ok(fetched)
        };
        let outcome = get_or_fetch(forecasts, &key, unless_paused(forecast, admit), fetch).await;
        Ok(self.or_stale(key, unrefused(outcome)?).await)
    }

    /// Returns the cached result of [`Client::forecast`], or `None` if it is not cached.
    pub async fn cached_forecast(&self, coordinates: Coordinates) -> Option<Result<Arc<Forecast>, Error>> {
        let key = match coordinates.checked() {
            Ok(coordinates) => coordinates.cache_key(),
            Err(error) => return Some(Err(error)),
        };
        let outcome = self.inner.forecasts.get(&key).await?;
        Some(self.or_stale(key, outcome).await)
    }

    /// Returns the last successful forecast instead of an error, if there is one.
    async fn or_stale(
        &self,
        key: [u64; 2],
        outcome: Result<Arc<Forecast>, Error>,
    ) -> Result<Arc<Forecast>, Error> {
        let Err(error) = outcome else { return outcome };
        let last = self.inner.stale.get(&key).await.ok_or(error)?;
        Ok(Arc::new(Forecast { stale: true, ..Forecast::clone(&last) }))
    }

    /// Returns the deadline of a call that begins now.
    ///
    /// A call may wait for the request of an earlier call first. That request ends before this
    /// call's deadline, because all calls have the same timeout.
    fn deadline(&self) -> Instant {
        Instant::now() + self.inner.timeout
    }
}

/// Why a caller was not admitted.
enum Stop<R> {
    /// The provider gets no requests now.
    Paused(Error),
    /// The caller's own condition.
    Refused(R),
}

/// Awaits `admit`, unless the provider gets no requests now.
async fn unless_paused<R>(
    provider: &Provider,
    admit: impl Future<Output = Result<(), R>>,
) -> Result<(), Stop<R>> {
    provider.check().map_err(Stop::Paused)?;
    admit.await.map_err(Stop::Refused)
}

/// Separates the error of the provider from that of the caller's condition.
fn unrefused<T, R>(outcome: Result<Result<T, Error>, Stop<R>>) -> Result<Result<T, Error>, R> {
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Paused(error)) => Ok(Err(error)),
        Err(Stop::Refused(refused)) => Err(refused),
    }
}

/// The result of a call without a condition.
fn always<T>(outcome: Result<Result<T, Error>, Infallible>) -> Result<T, Error> {
    let Ok(outcome) = outcome;
    outcome
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
