//! Objects behind `http://`, `https://` and `s3://`, by the crate `object_store`.
//!
//! It is asynchronous, and this is the only place that knows: a small runtime sends the requests, and who asks waits. A
//! request that fails is not repeated here but by [`Retrying`](super::Retrying), as with every other source.

mod connection;
mod object;

pub use connection::Connection;
pub use object::ObjectSource;
