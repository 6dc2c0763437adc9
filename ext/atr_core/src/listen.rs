//! Binds listeners.

use crate::{Error, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

/// Sockets that wait in the kernel to be accepted: a deploy brings all clients back at once.
const BACKLOG: i32 = 4096;

/// A non-blocking listener on `host` and `port` (0: any free one). `setting` is the name of the port's setting.
pub(crate) fn bind(host: &str, port: u16, setting: &str) -> Result<TcpListener> {
    let fail = |error: io::Error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!(": another program listens there. Stop it, or choose another {setting}")
            }
            io::ErrorKind::PermissionDenied => format!(": not allowed. Choose a {setting} above 1023"),
            io::ErrorKind::AddrNotAvailable => ": this machine does not have that address".to_owned(),
            _ => format!(": {error}"),
        };
        Error::Server(format!("cannot listen on {host}:{port}{advice}"))
    };
    let address = (host, port)
        .to_socket_addrs()
        .and_then(|mut addresses| addresses.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
        .map_err(fail)?;
    listen(address).map_err(fail)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server must not wait for the old one's connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it, which saves a call for each: an event must not wait for the one before to be acknowledged.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Where a listener is.
pub(crate) fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|error| Error::Server(format!("the listener has no address: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_said_with_its_setting() {
        let first = bind("127.0.0.1", 0, "server_port").unwrap();
        let port = address(&first).unwrap().port();
        let message = bind("127.0.0.1", port, "server_port").unwrap_err().to_string();
        assert!(
            message.contains(&format!("127.0.0.1:{port}")) && message.contains("server_port"),
            "{message}"
        );
    }

    #[test]
    fn accepted_sockets_do_not_delay() {
        let listener = bind("127.0.0.1", 0, "server_port").unwrap();
        let _client = std::net::TcpStream::connect(address(&listener).unwrap()).unwrap();
        let accepted = loop {
            match listener.accept() {
                Ok((socket, _)) => break socket,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        assert!(accepted.nodelay().unwrap());
    }

    #[test]
    fn a_foreign_address_is_said() {
        let message = bind("192.0.2.1", 0, "server_port").unwrap_err().to_string();
        assert!(message.contains("does not have that address"), "{message}");
    }
}
