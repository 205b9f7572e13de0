#![doc = include_str!("../README.md")]

mod body;
mod chunked;
mod guard;
mod head;
#[cfg(test)]
mod reads;
mod serve;
mod turn;
mod watched;

pub use serve::{Options, serve};
