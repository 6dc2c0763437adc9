//! Has the kernel give up a client that takes nothing.

use std::time::Duration;
use tokio::net::TcpStream;

/// Ends the socket when what was written to it is not taken for so long: because nobody is there any more, or does not
/// read. `None` leaves it to the kernel: a quarter of an hour for the one, and for ever for the other.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set(socket: &TcpStream, timeout: Option<Duration>) {
    // It cannot fail with a TCP socket; if it did, the kernel's own time would hold.
    let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(timeout);
}

/// Other systems have no such option: the kernel's own time holds.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn set(_socket: &TcpStream, _timeout: Option<Duration>) {}
