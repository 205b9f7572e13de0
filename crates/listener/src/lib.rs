#![doc = include_str!("../README.md")]

mod accept;
mod admission;
mod body;
mod chunked;
mod credit;
mod event;
mod framing;
mod guard;
mod head;
mod linger;
mod open_files;
mod options;
mod pace;
mod paced;
#[cfg(test)]
mod reads;
mod refusal;
mod sending;
mod serve;
mod turn;
mod unsent;
mod watched;

pub use admission::{ConnectionLimits, IsExempt};
pub use credit::MinimumRate;
pub use event::{Event, Events, Part};
pub use open_files::raise_open_file_limit;
pub use options::Options;
pub use sending::keep_until_sent;
pub use serve::serve;
