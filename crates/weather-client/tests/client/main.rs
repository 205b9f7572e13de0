//! The client against a provider that behaves, and against ones that do not.

#![expect(clippy::expect_used, reason = "a helper that cannot set the stage has failed the test")]

mod answers;
mod cache;
mod config;
mod faults;
mod names;
mod resolving;
mod support;
