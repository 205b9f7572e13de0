#![doc = include_str!("../README.md")]

mod invisible;

pub use invisible::{is_invisible, is_joiner};
