//! Sockets that end for everybody when their owner lets them go.
//!
//! A forked child inherits the server's descriptors, so closing ours ends nothing while the child lives: its copy
//! would keep a port listening where nobody accepts, and a client connected to nobody. Shutting down reaches the
//! socket itself. A child never does it: the threads that own the sockets are not there.

use socket2::SockRef;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket that is shut down when this is dropped. What is written already still arrives.
#[derive(Debug)]
pub(crate) struct Shut<S: AsFd>(S);

impl<S: AsFd> Shut<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self(socket)
    }
}

impl<S: AsFd> Drop for Shut<S> {
    fn drop(&mut self) {
        // It fails when the other end is gone already, and for listeners on systems other than Linux.
        let _ = SockRef::from(&self.0).shutdown(Shutdown::Both);
    }
}

impl<S: AsFd> Deref for Shut<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S: AsFd + AsyncRead + Unpin> AsyncRead for Shut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsFd + AsyncWrite + Unpin> AsyncWrite for Shut<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    /// A descriptor of the same socket is what a forked child has.
    #[test]
    fn ends_for_those_who_have_a_copy_too() {
        let listener = Shut::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let mut served = Shut::new(listener.accept().unwrap().0);
        let _copies = (listener.try_clone().unwrap(), served.try_clone().unwrap());
        served.0.write_all(b"the last word").unwrap();
        drop(served);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "the last word");
        if cfg!(target_os = "linux") {
            drop(listener);
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            TcpListener::bind(address).unwrap();
        }
    }
}
