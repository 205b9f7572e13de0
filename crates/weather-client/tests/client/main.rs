//! The client with a correct provider, and with faulty ones.

#![expect(clippy::expect_used, reason = "a helper that cannot set up its test has failed it")]

mod admission;
mod breaker;
mod cache;
mod config;
mod faults;
mod names;
mod resolve;
mod responses;
mod subdivisions;
mod support;
mod tolerance;
