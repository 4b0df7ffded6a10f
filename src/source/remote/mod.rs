//! Objects behind `http://`, `https://` and `s3://`, by the crate `object_store`.
//!
//! It is asynchronous, and this is the only place that knows: a small runtime sends the requests, and who asks waits. A
//! request that fails is not repeated here but by [`Retrying`](super::Retrying), as with every other source. Of an answer that
//! is a refusal nothing is kept but what [`Refusal`] has.

mod address;
mod client;
mod connection;
mod object;
mod redirects;
mod refusal;

pub use connection::Connection;
pub use object::ObjectSource;

use address::Address;
use client::Connector;
use redirects::Redirects;
use refusal::Refusal;
