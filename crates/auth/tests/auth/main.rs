//! Tests of the public interface: passwords, access tokens, and attacks on them.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by a panic")]

mod explained;
mod forge;
mod forged;
mod legacy;
mod mutated;
mod passwords;
mod tokens;
mod vectors;
