//! `daybook check`: reports whether the database, Redis, the AI provider and the weather servers
//! answer.

use std::process::ExitCode;
use std::time::Duration;

use daybook_persistence::Database;
use reqwest::redirect::Policy;

use crate::config::{Config, RedisUrl};
use crate::failure::{Failure, with_causes};
use crate::hashing::hasher_options;

/// As long as a person waits for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports on everything that the configuration names. The configuration itself is valid, or this
/// would not run.
pub(super) async fn run(config: Config) -> Result<ExitCode, Failure> {
    println!("configuration: ok");
    let mut all_ok = report("password hashing", hasher_options(&config.security.hashing).map(drop));
    all_ok &= report("database", database(&config).await);
    match &config.redis {
        Some(url) => all_ok &= report("Redis", redis(url).await),
        None => println!("Redis: none (set REDIS_URL to share limits and revocations between instances)"),
    }
    // Like the clients of the service: no proxy, no redirects.
    let client =
        reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().redirect(Policy::none()).build()?;
    match config.summarizer.as_ref().map(|summarizer| &summarizer.provider) {
        // Any response will do. Only a paid request would show that the key is valid.
        Some(Some(provider)) => {
            all_ok &= report("AI provider", reach(&client, &provider.base_url.0).await);
        }
        Some(None) => {
            let otherwise = "summaries are picked from the notes' own sentences";
            println!("AI provider: none (set OPENAI_SECRET_KEY for one; {otherwise})");
        }
        None => println!("AI provider: off"),
    }
    all_ok &= report("geocoding", reach(&client, &config.weather.geocoding_base_url).await);
    all_ok &= report("weather", reach(&client, &config.weather.forecast_base_url).await);
    Ok(if all_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn database(config: &Config) -> Result<(), Failure> {
    if let Some(path) = config.database_url.sqlite_path()
        && !path.exists()
    {
        // `daybook serve` creates the file.
        return Ok(());
    }
    Ok(Database::open(&config.database_url)?.ping().await?)
}

async fn redis(url: &RedisUrl) -> Result<(), Failure> {
    let client = redis::Client::open(url.expose())?;
    let ping = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await
    };
    Ok(tokio::time::timeout(REQUEST_TIMEOUT, ping).await??)
}

async fn reach(client: &reqwest::Client, url: &url::Url) -> Result<(), Failure> {
    client.get(url.clone()).send().await.map_err(reqwest::Error::without_url)?;
    Ok(())
}

fn report(what: &str, result: Result<(), Failure>) -> bool {
    match &result {
        Ok(()) => println!("{what}: ok"),
        Err(failure) => println!("{what}: {}", with_causes(&**failure)),
    }
    result.is_ok()
}
