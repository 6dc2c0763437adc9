//! Accepts sockets on the public port and deals them out to the shards.

use crate::limits::{Seat, Seats};
use crate::log::Log;
use crate::shard::Accepted;
use crate::shut::Shut;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long accepting rests when the process has no descriptor left: trying on would only burn the processor.
const REST: Duration = Duration::from_millis(200);

/// The public port, and where its sockets go.
pub(crate) struct Acceptor {
    pub(crate) listener: Shut<TcpListener>,
    pub(crate) shards: Vec<mpsc::Sender<Accepted>>,
    pub(crate) seats: Seats,
    pub(crate) log: Log,
}

impl Acceptor {
    /// Accepts until it is dropped.
    pub(crate) async fn run(self) -> io::Result<()> {
        let waiting = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let mut shards = self.shards.iter().cycle();
        loop {
            let mut next = waiting.accept().await.and_then(|(socket, from)| Ok((socket.into_std()?, from)));
            // What came with it is taken straight from the kernel: tokio would register each socket with this
            // thread's epoll only to take it out again.
            while !next.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                match next {
                    Ok((socket, remote)) => {
                        if let (Some(accepted), Some(shard)) = (self.seat(socket, remote), shards.next())
                            && shard.send(accepted).await.is_err()
                        {
                            return Ok(());
                        }
                    }
                    Err(error) if is_one_clients(&error) => {}
                    Err(error) => {
                        self.log.warn_repeated("accept", 1, |_| {
                            format!("no new clients for the moment: {error} (open files: ulimit -n)")
                        });
                        tokio::time::sleep(REST).await;
                    }
                }
                next = self.listener.accept();
            }
        }
    }

    /// A place for a new socket. One for which there is not even room in the lobby is closed.
    fn seat(&self, socket: TcpStream, remote: SocketAddr) -> Option<Accepted> {
        socket.set_nonblocking(true).ok()?;
        let seat = self.seats.take();
        if seat.as_ref().is_none_or(Seat::is_in_lobby) {
            self.log.warn_repeated("seats", 1, |count| {
                format!("{count} clients were turned away (503): every seat is taken (max_connections)")
            });
        }
        Some(Accepted { socket, remote, seat: seat? })
    }
}

/// The client gave up before it was accepted, or a signal came between: nothing is wrong here.
fn is_one_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
