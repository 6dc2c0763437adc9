//! The server with real sockets: who comes in, who gets what, and how it ends.

mod admission;
mod client;
mod delivery;
mod harness;
mod lifecycle;
mod protocol;
