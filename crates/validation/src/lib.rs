#![doc = include_str!("../README.md")]

mod error;
mod integer;
mod issue;
mod json;
mod parser;
mod reading;
mod rules;
mod scalar;
pub mod sentence;
mod value;

pub use issue::{Issue, Step};
pub use parser::Parser;
