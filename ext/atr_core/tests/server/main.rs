//! The server with real sockets: who comes in, who gets what, and how it ends.

// Helpers of tests fail by panicking, like tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admission;
mod atr_v1;
mod bad_input;
mod client;
mod delivery;
mod event_source;
mod force;
mod harness;
mod lifecycle;
mod protocol;
mod resume;
mod rfc6455;
mod slow;
mod sse;
#[path = "../support/mod.rs"]
mod support;
mod v1;
mod witness;
