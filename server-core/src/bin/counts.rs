//! Counts: fixed pieces of work for the codec, the session and the room. `.ci/counts` counts their instructions.
//!
//! Without an argument the program lists them. With a name it does that one, and prints how many units of work
//! that was. Preparation is outside [`counted`], and so is not counted.

use std::env;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use protocol::{Decoder, Name, encode_frame, encode_pair, pair_len};
use server_core::bytes::BytesMut;
use server_core::{
    CloseReason, MemberId, Next, READ_CHUNK, Room, STREAMING_BYTES, Said, Session, Settings, Wake,
    WriteBatch,
};

/// A name, and the function that does the work. It returns how many deliveries, visits, messages or frames that was.
type Work = (&'static str, fn() -> usize);

const WORKS: [Work; 13] = [
    ("encode 64 B", || encode(64)),
    ("encode 4 KiB", || encode(4096)),
    ("decode 64 B", || decode(64)),
    ("decode 4 KiB", || decode(4096)),
    ("session, a message of 64 B", hear),
    ("room of 10, join and leave", || visit(10)),
    ("room of 1000, join and leave", || visit(1000)),
    ("deliver to 10, 1 message at a time", || deliver(&mut Hall::reading(10), 1)),
    ("deliver to 100, 1 message at a time", || deliver(&mut Hall::reading(100), 1)),
    ("deliver to 1000, 1 message at a time", || deliver(&mut Hall::reading(1000), 1)),
    ("deliver to 10, 64 messages at a time", || deliver(&mut Hall::reading(10), 64)),
    ("deliver to 1000, 64 messages at a time", || deliver(&mut Hall::reading(1000), 64)),
    ("deliver to 10 newcomers, 64 at a time", || deliver(&mut Hall::new(10), 64)),
];

fn main() -> ExitCode {
    let Some(wanted) = env::args().nth(1) else {
        for (name, _) in WORKS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, work)) = WORKS.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("counts: there is no {wanted:?}; without an argument the names are listed");
        return ExitCode::FAILURE;
    };
    println!("{}", work());
    ExitCode::SUCCESS
}

/// `.ci/counts` counts what happens in this function, which it knows by its name, and nothing else.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

fn encode(size: usize) -> usize {
    let text = vec![b'x'; size];
    let mut out = BytesMut::with_capacity(pair_len(SPEAKER, &text));
    counted(&mut || {
        for _ in 0..TIMES {
            out.clear();
            encode_pair(black_box(SPEAKER), black_box(&text), &mut out);
        }
    });
    assert_eq!(pair_len(SPEAKER, &text), out.len());
    TIMES
}

/// Feeds a decoder what a server reads at a time, and takes the frames out.
fn decode(size: usize) -> usize {
    let stream = frames(TIMES, size);
    let (mut decoder, mut decoded) = (Decoder::new(size), 0);
    counted(&mut || {
        for chunk in stream.chunks(READ_CHUNK) {
            decoder.feed(chunk);
            let look = |payload: &[u8]| Some(black_box(payload).len());
            while let Some(Some(length)) =
                decoder.read_frame(look).expect("the stream is well formed")
            {
                decoded += length / size;
            }
        }
    });
    assert_eq!(TIMES, decoded);
    TIMES
}

/// A client that is alone in the room sends one message after the other, each in a read of its own.
fn hear() -> usize {
    let (settings, now) = (Settings::default(), Instant::now());
    let mut room = Room::of(&settings);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let mut session = Session::new(Arc::new(settings), peer, now);
    session.feed(&frames(1, SPEAKER.len()));
    assert!(matches!(session.process_input(&mut room, &(), now), Next::Read));
    let message = frames(1, MESSAGE.len());
    counted(&mut || {
        for _ in 0..TIMES {
            session.feed(&message);
            assert!(matches!(session.process_input(&mut room, &(), now), Next::Read));
            session.log_activity();
        }
    });
    assert_eq!(TIMES as u64, room.counters().messages);
    TIMES
}

/// One client after the other joins a room with this number of members, and leaves it.
fn visit(members: usize) -> usize {
    let mut hall = Hall::new(members);
    counted(&mut || (0..TIMES).for_each(|_| hall.visit()));
    assert_eq!(members + 1, hall.room.len());
    TIMES
}

/// All listeners receive `batch` messages at a time, until there were [`TIMES`] deliveries.
fn deliver(hall: &mut Hall, batch: usize) -> usize {
    let deliveries = batch * hall.listeners.len();
    let rounds = TIMES.div_ceil(deliveries).max(ROUNDS_MIN);
    let before = hall.received;
    counted(&mut || (0..rounds).for_each(|_| hall.round(batch, MESSAGE)));
    let pair = pair_len(SPEAKER, MESSAGE);
    assert_eq!(rounds * deliveries * pair, hall.received - before);
    rounds * deliveries
}

/// A room with one speaker and many listeners, whose sockets take everything.
struct Hall {
    room: Room<()>,
    speaker: MemberId,
    listeners: Vec<MemberId>,
    batch: WriteBatch,
    now: Instant,
    /// Bytes that all listeners have received.
    received: usize,
}

impl Hall {
    fn new(listeners: usize) -> Self {
        let (mut room, now) = (Room::of(&Settings::default()), Instant::now());
        let mut join = |name: &[u8]| {
            let name = Name::new(name).expect("the name is valid");
            room.join(&name, (), now).expect("the room is open")
        };
        let speaker = join(SPEAKER);
        let listeners =
            (0..listeners).map(|number| join(format!("listener-{number}").as_bytes())).collect();
        Self { room, speaker, listeners, batch: WriteBatch::default(), now, received: 0 }
    }

    /// As [`new`](Self::new), with listeners that are streaming: each gets everything in one write.
    fn reading(listeners: usize) -> Self {
        let mut hall = Self::new(listeners);
        // Twice what the room requires.
        let long = vec![b'x'; 2 * STREAMING_BYTES / PROVING_ROUNDS];
        (0..PROVING_ROUNDS).for_each(|_| hall.round(1, &long));
        hall
    }

    fn round(&mut self, batch: usize, message: &[u8]) {
        for _ in 0..batch {
            assert_eq!(Said::Appended, self.room.say(self.speaker, message, self.now));
        }
        for &listener in &self.listeners {
            while self.room.next_batch(listener, &mut self.batch, self.now).is_some() {
                let bytes = self.batch.bytes();
                self.received += bytes;
                let wake = self.room.advance(listener, &self.batch, Ok(bytes));
                assert_eq!(Wake::None, wake);
            }
        }
    }

    fn visit(&mut self) {
        let name = Name::new(black_box(b"visitor")).expect("the name is valid");
        let visitor = self.room.join(&name, (), self.now).expect("the room is open");
        let mut reason = CloseReason::Left;
        assert_eq!(Wake::None, self.room.leave(Some(visitor), &mut reason));
    }
}

/// `count` frames of this size.
fn frames(count: usize, size: usize) -> BytesMut {
    let (payload, mut stream) = (vec![b'x'; size], BytesMut::new());
    (0..count).for_each(|_| encode_frame(&payload, &mut stream));
    stream
}

const SPEAKER: &[u8] = b"ann";
const MESSAGE: &[u8] = &[b'x'; 64];
const TIMES: usize = 2000;
/// With fewer rounds, work that is done only every few rounds would count too much or not at all.
const ROUNDS_MIN: usize = 8;
/// A message may have 64 KiB.
const PROVING_ROUNDS: usize = 16;
