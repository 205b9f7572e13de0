//! This crate has no code. The benchmarks are in `benches/`, and the load script is `load.py`.
//! `docs/performance.md` has their results.
