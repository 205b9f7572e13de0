#![doc = include_str!("../README.md")]

mod calls;
mod error;
mod extractive;
mod limits;
mod model;
mod plan;
mod prices;
mod prompt;
mod sanitize;
mod single_flight;
mod summarizer;
mod tokens;

pub use error::Error;
pub use model::Model;
pub use plan::{Outcome, Plan};
pub use prices::Prices;
pub use single_flight::{Flight, Joined, SingleFlight, Waiter};
pub use summarizer::Summarizer;
