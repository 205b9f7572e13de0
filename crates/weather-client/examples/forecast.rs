//! Prints the forecast for a city: `cargo run --example forecast -- Reykjavík`.
//!
//! Sends requests to the real Open-Meteo.

use std::env;
use std::error::Error;

use daybook_weather_client::{Client, Condition, Resolution};

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
    println!("now         {}              {}", celsius(now.temperature_celsius), description(now.condition));
    for day in &forecast.daily {
        let (min, max) = (celsius(day.temperature_min_celsius), celsius(day.temperature_max_celsius));
        println!("{}  {min} to {max}  {}", day.date, description(day.condition));
    }
    Ok(())
}

fn celsius(temperature: Option<f64>) -> String {
    temperature.map_or_else(|| "    ? °C".to_owned(), |temperature| format!("{temperature:>5.1} °C"))
}

fn description(condition: Option<Condition>) -> &'static str {
    condition.map_or("Unknown", |condition| condition.description)
}
