//! Channel: two tasks for each client, one that reads and one that writes, and a channel to the
//! second.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use protocol::{Decoder, pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{FRAME_MAX, READ_CHUNK};

/// The channels to the writers of all members.
type Room = super::Room<UnboundedSender<Bytes>>;

/// Serves the clients of `listener`, two tasks for each, on a thread per processor.
///
/// # Errors
///
/// The runtime cannot be started, or accept fails.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(accept_loop(listener))
}

async fn accept_loop(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Room::new());
    for number in 0.. {
        let (stream, _) = listener.accept().await?;
        let room = Arc::clone(&room);
        // An error of one client ends its own connection only.
        tokio::spawn(async move { serve_client(&room, number, stream).await.ok() });
    }
    Ok(())
}

/// Reads the name, then one message after the other, and puts each into the channel of every other
/// member.
async fn serve_client(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let mut frames = Frames::of(read);
    let Some(name) = frames.next().await? else { return Ok(()) };
    let (sender, pairs) = unbounded_channel();
    tokio::spawn(write_loop(write, pairs));
    room.lock().insert(number, sender);
    let outcome = frames.relay_all(&name, |pair| relay(room, number, pair)).await;
    // Without a sender the channel ends, and with it the writer.
    room.lock().remove(&number);
    outcome
}

/// Writes one pair after the other, each with a system call.
async fn write_loop(mut write: OwnedWriteHalf, mut pairs: UnboundedReceiver<Bytes>) {
    while let Some(pair) = pairs.recv().await {
        if write.write_all(&pair).await.is_err() {
            return;
        }
    }
}

fn relay(room: &Room, from: u64, pair: &Bytes) {
    room.each_other(from, |sender| {
        // The reader of that member notices that its writer has ended.
        sender.send(pair.clone()).ok();
    });
}

/// The frames of one connection: [`super::frames`] with waits of a task.
struct Frames {
    read: OwnedReadHalf,
    decoder: Decoder,
    chunk: Box<[u8]>,
}

impl Frames {
    fn of(read: OwnedReadHalf) -> Self {
        let chunk = vec![0; READ_CHUNK].into();
        Self { read, decoder: Decoder::new(FRAME_MAX), chunk }
    }

    /// The next frame; `None` at the end of the stream.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            match self.read.read(&mut self.chunk).await? {
                0 => return Ok(None),
                count => self.decoder.feed(&self.chunk[..count]),
            }
        }
    }

    /// Relays each message, as one pair, before it waits for the next.
    async fn relay_all(&mut self, name: &[u8], relay: impl Fn(&Bytes)) -> io::Result<()> {
        while let Some(text) = self.next().await? {
            relay(&pair(name, &text));
        }
        Ok(())
    }
}
