//! The client: caches in front of the requests to the geocoder and the forecaster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;

use crate::cache::Cache;
use crate::coordinates::Coordinates;
use crate::error::Error;
use crate::forecast::response::ForecastResponse;
use crate::forecast::{Forecast, request};
use crate::geocoding::{Place, PlaceName, Resolution, SearchResponse};
use crate::http::Http;

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
    pub(crate) search: Url,
    pub(crate) forecast: Url,
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
    /// possible, and is cached for at least 5 seconds (see the [crate's page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. If other callers wait for the same response, one
    /// of them sends the request again.
    pub async fn resolve(&self, name: &str) -> Result<Resolution, Error> {
        let Inner { http, search, places, .. } = &*self.inner;
        let deadline = self.deadline();
        let name = PlaceName::parse(name)?;
        let fetch = async {
            let response: SearchResponse = http.get(name.search_url(search), deadline).await?;
            response.into_places()
        };
        Resolution::new(&name, &places.get_with_by_ref(name.cache_key(), fetch).await?)
    }

    /// Returns the [forecast](https://open-meteo.com/en/docs) for these coordinates.
    ///
    /// The forecast comes from the cache or from Open-Meteo. If Open-Meteo cannot be reached, the
    /// last successful forecast is returned for up to six hours, marked as [`Forecast::stale`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] without a request if a coordinate is out of range. Every other error
    /// except [`Error::Config`] is possible, and is cached for at least 5 seconds (see the [crate's
    /// page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. If other callers wait for the same response, one
    /// of them sends the request again.
    pub async fn forecast(&self, coordinates: Coordinates) -> Result<Arc<Forecast>, Error> {
        let Inner { http, forecast, forecasts, stale, clock, .. } = &*self.inner;
        let deadline = self.deadline();
        let coordinates = coordinates.checked()?;
        let key = coordinates.cache_key();
        let fetch = async {
            let response: ForecastResponse = http.get(request::url(forecast, coordinates), deadline).await?;
            let fetched = Arc::new(response.into_forecast(clock())?);
            stale.insert(key, Arc::clone(&fetched)).await;
            Ok(fetched)
        };
        let error = match forecasts.get_with(key, fetch).await {
            Ok(forecast) => return Ok(forecast),
            Err(error) => error,
        };
        let last = stale.get(&key).await.ok_or(error)?;
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
