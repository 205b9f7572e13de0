//! The client: a cache in front of two requests.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::{
    Builder, Error, Forecast, Place,
    cache::Cache,
    forecast::{self, Spot},
    geocoding::{self, PlaceName},
    http::Http,
};

/// Asks Open-Meteo for places and forecasts, and remembers the answers.
///
/// Clones are cheap and share caches, connections and the bound on requests: make one client and pass it around.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) search: Url,
    pub(crate) forecast: Url,
    pub(crate) places: Cache<String, Place>,
    pub(crate) forecasts: Cache<[u64; 2], Arc<Forecast>>,
    pub(crate) timeout: Duration,
    pub(crate) clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

/// The weather somewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Report {
    /// The place that the name was taken for.
    pub place: Place,
    /// Its weather.
    pub forecast: Forecast,
}

impl Client {
    /// Starts setting up a client.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Finds the place that Open-Meteo's [geocoder](https://open-meteo.com/en/docs/geocoding-api) takes a name for.
    ///
    /// White space around the name, its width and the name's case do not matter. An empty name, one of more than 100
    /// characters and one with control characters are unknown without asking.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`], remembered for 5 minutes; or any other but [`Error::Config`], remembered for 5 seconds
    /// (see the [crate's page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. Callers that were waiting for the same place ask again.
    pub async fn find_place(&self, name: &str) -> Result<Place, Error> {
        self.place_before(name, self.deadline()).await
    }

    /// Fetches the [forecast](https://open-meteo.com/en/docs) for a place, or gives the one that is remembered.
    ///
    /// Only the place's coordinates are looked at.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPlace`] when the coordinates are off the globe; or any other but [`Error::Config`], remembered
    /// for 5 seconds (see the [crate's page](crate)).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. Callers that were waiting for the same forecast ask again.
    pub async fn forecast(&self, place: &Place) -> Result<Arc<Forecast>, Error> {
        self.forecast_before(place, self.deadline()).await
    }

    /// Finds a place and its forecast, both within one timeout.
    ///
    /// # Errors
    ///
    /// Those of [`find_place`](Self::find_place) and [`forecast`](Self::forecast).
    ///
    /// # Cancellation
    ///
    /// As for the two. A place that was found before the future was dropped stays remembered.
    pub async fn weather(&self, city: &str) -> Result<Report, Error> {
        let deadline = self.deadline();
        let place = self.place_before(city, deadline).await?;
        let forecast = self.forecast_before(&place, deadline).await?;
        Ok(Report { place, forecast: Arc::unwrap_or_clone(forecast) })
    }

    /// A deadline and not a timeout, so that it is handed down: whoever waits for another caller's request waits for one
    /// that must end earlier than its own would.
    fn deadline(&self) -> Instant {
        Instant::now() + self.inner.timeout
    }

    async fn place_before(&self, name: &str, deadline: Instant) -> Result<Place, Error> {
        let Inner { http, search, places, .. } = &*self.inner;
        let name = PlaceName::parse(name)?;
        let fetch = async {
            let answer: geocoding::Answer = http.get(name.request(search), deadline).await?;
            answer.into_place()
        };
        places.get_with_by_ref(name.key(), fetch).await
    }

    async fn forecast_before(&self, place: &Place, deadline: Instant) -> Result<Arc<Forecast>, Error> {
        let Inner { http, forecast, forecasts, clock, .. } = &*self.inner;
        let spot = Spot::of(place)?;
        let fetch = async {
            let answer: forecast::answer::Answer = http.get(spot.request(forecast), deadline).await?;
            answer.into_forecast(clock()).map(Arc::new)
        };
        forecasts.get_with(spot.key(), fetch).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
