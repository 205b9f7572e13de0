#![doc = include_str!("../README.md")]

mod body;
mod builder;
mod client;
mod decode;
mod document;
mod error;
mod event;
mod head;
mod json;
mod key;
mod rejection;
mod request;
mod response;
mod retry;
mod sse;
mod stream;
mod thoughts;
mod transcript;

pub use builder::ClientBuilder;
pub use client::Client;
pub use error::{Error, IncompleteReason};
pub use event::Event;
pub use key::ApiKey;
pub use request::{Input, Message, ReasoningEffort, Request, Role};
pub use response::{Content, OutputItem, Response, Status, SummaryText, Usage};
pub use stream::ResponseStream;
