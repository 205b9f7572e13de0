//! The client: a cache in front of two requests.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::{
    Builder, Error, Forecast, Place, Resolution,
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
    pub(crate) places: Cache<String, Arc<[Place]>>,
    pub(crate) forecasts: Cache<[u64; 2], Arc<Forecast>>,
    /// The last good forecast for each place, for when there is no newer one to be had.
    pub(crate) stale: moka::future::Cache<[u64; 2], Arc<Forecast>>,
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
    /// White space around the name, its width and the name's case do not matter. What stands behind commas must be the region or the
    /// country, or its code: `Springfield, Illinois, US` or `Springfield, IL`. An empty name, one of more than 100 characters and one with control characters
    /// are unknown without asking.
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

    /// Finds the place that a name stands for, or those that it may stand for: of several the one that is by far the largest, if there is one.
    ///
    /// # Errors
    ///
    /// Those of [`find_place`](Self::find_place).
    ///
    /// # Cancellation
    ///
    /// As for [`find_place`](Self::find_place).
    pub async fn resolve(&self, name: &str) -> Result<Resolution, Error> {
        let name = PlaceName::parse(name)?;
        name.resolve(&self.places_before(&name, self.deadline()).await?)
    }

    /// Fetches the [forecast](https://open-meteo.com/en/docs) for a place, or gives the one that is remembered.
    ///
    /// Only the place's coordinates are looked at. When there is none to be had, the last good one is given for up to six hours, and says so
    /// itself: [`Forecast::stale`].
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
        let name = PlaceName::parse(name)?;
        let places = self.places_before(&name, deadline).await?;
        name.among(&places)?.into_iter().next().ok_or(Error::UnknownPlace)
    }

    async fn places_before(&self, name: &PlaceName, deadline: Instant) -> Result<Arc<[Place]>, Error> {
        let Inner { http, search, places, .. } = &*self.inner;
        let fetch = async {
            let answer: geocoding::Answer = http.get(name.request(search), deadline).await?;
            answer.into_places()
        };
        places.get_with_by_ref(name.key(), fetch).await
    }

    async fn forecast_before(&self, place: &Place, deadline: Instant) -> Result<Arc<Forecast>, Error> {
        let Inner { http, forecast, forecasts, stale, clock, .. } = &*self.inner;
        let spot = Spot::of(place)?;
        let fetch = async {
            let answer: forecast::answer::Answer = http.get(spot.request(forecast), deadline).await?;
            let fetched = Arc::new(answer.into_forecast(clock())?);
            stale.insert(spot.key(), Arc::clone(&fetched)).await;
            Ok(fetched)
        };
        let failure = match forecasts.get_with(spot.key(), fetch).await {
            Ok(fresh) => return Ok(fresh),
            Err(failure) => failure,
        };
        let last = stale.get(&spot.key()).await.ok_or(failure)?;
        Ok(Arc::new(Forecast { stale: true, ..Forecast::clone(&last) }))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
