//! Who is connected. There is room for so many; for one more, whoever has said nothing for the longest goes, so that a port
//! scanner that holds its connections pushes out itself, and no API server.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum_server::accept::Accept;
use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Connections at once. An API server keeps at most 25 idle ones to a webhook; one costs some tens of kilobytes.
pub(super) const ROOM: usize = 2048;

/// All who are connected.
#[derive(Clone, Debug)]
pub(super) struct Guests(Arc<Table>);

#[derive(Debug)]
struct Table {
    room: usize,
    begun: Instant,
    next: AtomicU64,
    seats: Mutex<HashMap<u64, Arc<Seat>>>,
}

#[derive(Debug)]
struct Seat {
    /// Milliseconds from the table's beginning until something was last heard.
    heard: AtomicU64,
    leave: CancellationToken,
}

/// A place at the table; given back when it is dropped.
struct Taken {
    table: Arc<Table>,
    number: u64,
    seat: Arc<Seat>,
}

impl Guests {
    /// A table with room for so many.
    pub(super) fn new(room: usize) -> Self {
        let (begun, next) = (Instant::now(), AtomicU64::new(0));
        Self(Arc::new(Table { room, begun, next, seats: Mutex::default() }))
    }

    /// Takes a place, and asks the one who has been silent for the longest to leave where there is none.
    fn take(&self) -> Taken {
        let table = self.0.clone();
        let number = table.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { heard: AtomicU64::new(table.now()), leave: CancellationToken::new() });
        let mut seats = table.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let staying = seats.values().filter(|s| !s.leave.is_cancelled());
        if staying.clone().count() >= table.room
            && let Some(silent) = staying.min_by_key(|s| s.heard.load(Ordering::Relaxed))
        {
            tracing::debug!(room = table.room, "too many connections: the most silent one is closed");
            silent.leave.cancel();
        }
        seats.insert(number, seat.clone());
        drop(seats);
        Taken { table, number, seat }
    }
}

impl Table {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.table.seats.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// Gives whoever connects a place, from before the handshake on.
#[derive(Clone)]
pub(super) struct Host<A> {
    /// Shakes hands.
    pub(super) inner: A,
    /// Who is connected.
    pub(super) guests: Guests,
}

impl<A, S> Accept<TcpStream, S> for Host<A>
where
    A: Accept<TcpStream, S>,
    A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
    A::Service: Send,
    A::Future: Send + 'static,
{
    type Stream = Guest<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let taken = self.guests.take();
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let leave = taken.seat.leave.clone();
            let (stream, service) = tokio::select! {
                accepted = accepted => accepted?,
                () = leave.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
            };
            Ok((Guest { stream, leave: Box::pin(leave.cancelled_owned()), taken }, service))
        })
    }
}

/// A connection with a place. Asked to leave, it reads as ended.
pub(super) struct Guest<T> {
    stream: T,
    leave: Pin<Box<WaitForCancellationFutureOwned>>,
    taken: Taken,
}

impl<T: AsyncRead + Unpin> AsyncRead for Guest<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.taken.seat.heard.store(self.taken.table.now(), Ordering::Relaxed);
        }
        // What has come is read first.
        if read.is_pending() && self.leave.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guest<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
