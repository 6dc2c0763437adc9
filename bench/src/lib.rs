//! What the load clients and the floor share: epoll, just enough of Redis, and just enough of websockets.

pub mod arguments;
pub mod client;
pub mod poll;
pub mod redis;
pub mod websocket;
