//! WMO weather codes and their English descriptions.

use serde::Serialize;

/// The kind of weather, such as rain or fog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Condition {
    /// The WMO code (table 4677), 0 to 99.
    pub code: u8,
    /// The code in English words, such as `Slight rain`.
    pub description: &'static str,
}

impl Condition {
    /// Returns the code with the description from [Open-Meteo's table][table].
    ///
    /// Open-Meteo uses 28 of the 100 codes. The description of every other code is `Unknown`.
    ///
    /// [table]: https://open-meteo.com/en/docs#weather_variable_documentation
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        let description = match code {
            0 => "Clear sky",
            1 => "Mainly clear",
            2 => "Partly cloudy",
            3 => "Overcast",
            45 => "Fog",
            48 => "Depositing rime fog",
            51 => "Light drizzle",
            53 => "Moderate drizzle",
            55 => "Dense drizzle",
            56 => "Light freezing drizzle",
            57 => "Dense freezing drizzle",
            61 => "Slight rain",
            63 => "Moderate rain",
            65 => "Heavy rain",
            66 => "Light freezing rain",
            67 => "Heavy freezing rain",
            71 => "Slight snowfall",
            73 => "Moderate snowfall",
            75 => "Heavy snowfall",
            77 => "Snow grains",
            80 => "Slight rain showers",
            81 => "Moderate rain showers",
            82 => "Violent rain showers",
            85 => "Slight snow showers",
            86 => "Heavy snow showers",
            95 => "Thunderstorm",
            96 => "Thunderstorm with slight hail",
            99 => "Thunderstorm with heavy hail",
            _ => "Unknown",
        };
        Self { code, description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_code_describes_each_of_the_28_codes_differently() {
        let mut words: Vec<_> = (0..=u8::MAX)
            .map(|code| Condition::from_code(code).description)
            .filter(|words| *words != "Unknown")
            .collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 28);
    }
}
