//! The request for a forecast: <https://open-meteo.com/en/docs>.

use url::Url;

use crate::coordinates::Coordinates;

/// The longest forecast that Open-Meteo offers. The last days are hardly more exact than the
/// average of the climate, but they still help a user to plan.
pub(super) const DAYS: usize = 16;

const CURRENT_VARIABLES: [&str; 6] = [
    "temperature_2m",
    "apparent_temperature",
    "relative_humidity_2m",
    "precipitation",
    "weather_code",
    "wind_speed_10m",
];

const DAILY_VARIABLES: [&str; 4] =
    ["weather_code", "temperature_2m_max", "temperature_2m_min", "precipitation_probability_max"];

/// Returns the URL of the forecast for these coordinates.
pub(crate) fn url(endpoint: &Url, coordinates: Coordinates) -> Url {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("latitude", &coordinates.latitude.to_string())
        .append_pair("longitude", &coordinates.longitude.to_string())
        .append_pair("current", &CURRENT_VARIABLES.join(","))
        .append_pair("daily", &DAILY_VARIABLES.join(","))
        .append_pair("timezone", "auto")
        .append_pair("forecast_days", &DAYS.to_string());
    url
}
