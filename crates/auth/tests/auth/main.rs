//! What the crate promises, from outside.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod explained;
mod forged;
mod legacy;
mod mutated;
mod passwords;
mod tokens;
mod vectors;
