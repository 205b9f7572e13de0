//! Open-Meteo, or a server that speaks its API.

use std::time::Duration;

use url::Url;

use super::base_url::base_url;
use super::duration::duration;
use super::reader::SettingReader;
use super::settings;

#[derive(Debug, Clone)]
pub(crate) struct WeatherConfig {
    pub(crate) forecast_base_url: Url,
    pub(crate) geocoding_base_url: Url,
    /// How long a forecast is served before it is fetched again.
    pub(crate) cache_lifetime: Duration,
}

impl WeatherConfig {
    pub(super) fn read(reader: &mut SettingReader<'_>) -> Option<Self> {
        let forecast_base_url = reader.read(&settings::WEATHER_BASE_URL, base_url);
        let geocoding_base_url = reader.read(&settings::GEOCODING_BASE_URL, base_url);
        let cache_lifetime = reader.read(&settings::WEATHER_CACHE_LIFETIME, cache_lifetime);
        Some(Self {
            forecast_base_url: forecast_base_url?,
            geocoding_base_url: geocoding_base_url?,
            cache_lifetime: cache_lifetime?,
        })
    }
}

/// Within a day a forecast surely changes.
fn cache_lifetime(text: &str) -> Result<Duration, &'static str> {
    duration(text, 0..=86_400, "must be a time between 0s and 1d, like 10m")
}
