//! Nothing: the benchmarks are in `benches/`, the load script is `load.py`. `docs/performance.md`
//! has what they found.
