//! The websocket server and the publisher of the Ruby gem atr, in plain Rust.
//!
//! Nothing here knows Ruby. What the app's Ruby code has to decide becomes a [`gate`] job that somebody
//! else answers; what it has to read becomes a line of the [`log`]. `ext/atr` hands both to Ruby threads.
//!
//! The way of an event: [`publisher`] → [`broker`] → [`router`] → [`shard`] → [`outbox`] → socket.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod admin;
pub mod backoff;
pub mod broker;
pub mod config;
pub mod error;
pub mod event;
pub mod gate;
pub mod log;
pub mod panic;
pub mod pattern;
pub mod position;
pub mod publisher;
pub mod queue;
pub mod retention;
pub mod scope;
pub mod server;
pub mod stats;
pub mod wait;

mod acceptor;
mod answer;
mod batch;
mod boundary;
mod connection;
mod cors;
mod dialogue;
mod driver;
mod event_stream;
mod farewell;
mod frame;
mod group;
mod http;
mod join;
mod late;
mod limits;
mod listen;
mod outbox;
mod protocol;
mod random;
mod reader;
mod recent;
mod refusal;
mod router;
mod session;
mod shard;
mod shut;
mod sync;
mod threads;
mod track;
mod upgrade;
mod user_timeout;

pub use error::{Error, Result};
