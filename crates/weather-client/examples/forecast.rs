//! Prints a week's weather: `cargo run --example forecast -- Reykjavík`. Asks the real Open-Meteo.

use std::{env, error::Error};

use daybook_weather_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let city = env::args().nth(1).unwrap_or_else(|| "Paris".to_owned());
    let report = Client::builder().build()?.weather(&city).await?;

    let place = &report.place;
    let now = &report.forecast.current;
    println!("{}, {}", place.name, place.country.as_deref().unwrap_or("nowhere in particular"));
    println!("now         {:>5.1} °C              {}", now.temperature_celsius, now.condition.description);
    for day in &report.forecast.daily {
        println!(
            "{}  {:>5.1} °C to {:>5.1} °C  {}",
            day.date, day.temperature_min_celsius, day.temperature_max_celsius, day.condition.description
        );
    }
    Ok(())
}
