//! Prints the forecast for a city: `cargo run --example forecast -- Reykjavík`.
//!
//! Sends requests to the real Open-Meteo.

use std::env;
use std::error::Error;

use daybook_weather_client::{Client, Resolution};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let city = env::args().nth(1).unwrap_or_else(|| "Paris".to_owned());
    let client = Client::builder().build()?;
    let place = match client.resolve(&city).await? {
        Resolution::One(place) => place,
        Resolution::Several(places) => {
            println!("Several places have this name:");
            for place in places {
                println!("  {}", place.label());
            }
            return Ok(());
        }
    };

    let forecast = client.forecast(place.coordinates()).await?;
    let now = &forecast.current;
    println!("{}", place.label());
    println!("now         {:>5.1} °C              {}", now.temperature_celsius, now.condition.description);
    for day in &forecast.daily {
        println!(
            "{}  {:>5.1} °C to {:>5.1} °C  {}",
            day.date, day.temperature_min_celsius, day.temperature_max_celsius, day.condition.description
        );
    }
    Ok(())
}
