#![doc = include_str!("../README.md")]

mod bucket;
mod concurrency;
#[cfg(feature = "redis")]
mod connection;
mod decision;
#[cfg(feature = "redis")]
mod error;
mod keyed_semaphore;
mod local;
mod network;
mod networks;
mod quota;
#[cfg(feature = "redis")]
mod shared;
#[cfg(not(feature = "redis"))]
#[path = "not_shared.rs"]
mod shared;
mod throttle;

pub use bucket::Bucket;
pub use concurrency::{Concurrency, Full, Permit};
#[cfg(feature = "redis")]
pub use error::Error;
pub use keyed_semaphore::{KeyedPermit, KeyedSemaphore};
pub use network::{SITE_FACTOR, network_of, site_of, subnet_of};
pub use networks::{NetworkConcurrency, NetworkPermit};
pub use quota::{Quota, QuotaError};
pub use throttle::{Refusal, Throttle};
