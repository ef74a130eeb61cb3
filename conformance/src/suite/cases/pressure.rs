//! Pressure: cases of readers that are slow or do not read.

use std::time::{Duration, Instant};

use load::measure::peak_resident;

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, End, Next, Progress};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;
use crate::suite::message_stream::{MessageStream, StreamReader, Transfer, TransferReport};
use crate::target::SlowPolicy;

pub(super) const CASES: &[Case] = &[
    Case::new("BPR-01", Needs::Sockets, a_stalled_reader_delays_no_member).with(SHORT),
    Case::new("BPR-02", Needs::Sockets, a_stalled_reader_gets_no_gap).with(SHORT),
    Case::new("BPR-03", Needs::Sockets, a_stalled_reader_is_treated_as_declared).with(SHORT),
    Case::new("BPR-04", Needs::Process, stalled_readers_use_the_declared_memory).with(SMALL),
    Case::new("BPR-05", Needs::Sockets, a_stalled_reader_blocks_no_sender).with(SHORT),
    Case::new("BPR-06", Needs::Process, waiting_for_a_slow_reader_uses_no_cpu).with(PATIENT),
    Case::new("BPR-07", Needs::Process, readers_that_keep_reading_lose_nothing).with(PATIENT),
    Case::new("BPR-08", Needs::Sockets, a_stalled_reader_is_aborted).with(SHORT),
    Case::new("BPR-09", Needs::Sockets, a_member_with_unread_answers_is_aborted).with(SENDER_ONLY),
];

/// A reader that never reads does not delay the others longer than the declared patience (SPEC
/// BPR-01).
fn a_stalled_reader_delays_no_member(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let patience = needed(fixture.declared().patience, "patience")?;
    let mut setup = Setup::new(fixture, 1, 1)?;
    setup.send_stream(fixture, patience + fixture.deadline())?;
    setup.exchange(fixture)?;
    Ok(Finding::Kept)
}

/// A reader that reads nothing until all is sent receives every byte up to where it ends (SPEC
/// BPR-02).
fn a_stalled_reader_gets_no_gap(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut setup = Setup::new(fixture, 1, 1)?;
    setup.send_stream(fixture, long(fixture))?;
    let mut reader = StreamReader::eager(&mut setup.stalled[0]);
    while reader.read(&setup.stream, PAUSE)? > 0 {}
    if !reader.is_done(&setup.stream) {
        // Messages that are sent now must not arrive before the rest.
        (0..3).try_for_each(|_| setup.sender.say(b"is anything missing?"))?;
        reader.read_to_end(&setup.stream, fixture.deadline())?;
    }
    Ok(Finding::Kept)
}

/// A reader that never reads is ended or kept, as the server declares (SPEC BPR-03).
fn a_stalled_reader_is_treated_as_declared(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let policy = needed(fixture.declared().slow_readers, "policy for slow readers")?;
    let mut setup = Setup::new(fixture, 1, 1)?;
    setup.send_stream(fixture, long(fixture))?;
    match (policy, is_closed(&mut setup.stalled[0], &setup.stream)) {
        (SlowPolicy::Ends, true) | (SlowPolicy::Keeps, false) => Ok(Finding::Kept),
        (SlowPolicy::Ends, false) => {
            Err(TestError::broken("the server declares that it ends stalled readers, but kept one"))
        }
        (SlowPolicy::Keeps, true) => Err(TestError::broken(
            "the server declares that it keeps stalled readers, but ended one",
        )),
    }
}

/// Whether the server ended the connection: with a reset, or with a FIN after the unread bytes.
fn is_closed(stalled: &mut Client, stream: &MessageStream) -> bool {
    stalled.wait_for_break(PAUSE)
        || (StreamReader::eager(stalled).read_to_end(stream, PAUSE).is_ok()
            && stalled.end().is_some())
}

/// Ten readers that never read cost no more memory than declared (SPEC BPR-04).
fn stalled_readers_use_the_declared_memory(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let memory = needed(fixture.declared().memory, "memory for messages")?;
    let mut setup = Setup::new(fixture, 1, 10)?;
    setup.stream = MessageStream::of(b"ann", MEMORY_STREAM_BYTES);
    let before = fixture.usage()?.resident;
    // How long it takes is checked by other rules.
    setup.send_stream(fixture, MEMORY_STREAM_TIME)?;
    check_memory(fixture, before, memory)
}

/// (SPEC BPR-05)
fn a_stalled_reader_blocks_no_sender(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let patience = needed(fixture.declared().patience, "patience")?;
    let mut setup = Setup::new(fixture, 1, 1)?;
    let report = setup.send_stream(fixture, patience + fixture.deadline())?;
    let waited = report.stalled.as_millis();
    Ok(Finding::Noted(format!("the sender waited for {waited} ms in total")))
}

/// A reader pauses, and then reads little at a time. The server uses no processor time while it
/// waits (SPEC BPR-06).
fn waiting_for_a_slow_reader_uses_no_cpu(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let Setup { mut sender, mut stalled, stream, .. } = Setup::new(fixture, 0, 1)?;
    let mut bystander = fixture.join("bystander")?;
    fixture.close_witness();
    fixture.fence(&mut sender, &mut [&mut stalled[0], &mut bystander])?;
    let mut transfer = Transfer::new(&stream, &mut sender);
    let mut reading = StreamReader::eager(&mut bystander);
    transfer.run_until_stalled(fixture, std::slice::from_mut(&mut reading))?;
    fixture.expect_idle_cpu("it waited for a full socket", |quiet| {
        // The server may end the connection meanwhile, which only shortens the wait.
        stalled[0].wait_for_break(quiet);
        Ok(())
    })?;
    let slow = StreamReader::of_chunks(&mut stalled[0], SLOW_READ_BYTES);
    transfer.run_to_end(fixture, &mut [reading, slow], long(fixture))?;
    Ok(Finding::Kept)
}

/// Ten readers read at full speed, and then little at a time (SPEC BPR-07).
fn readers_that_keep_reading_lose_nothing(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let memory = needed(fixture.declared().memory, "memory for messages")?;
    let Setup { mut sender, mut readers, .. } = Setup::new(fixture, 10, 0)?;
    readers.iter_mut().for_each(Client::shrink_receive_buffer);
    let before = fixture.usage()?.resident;
    let mut full_socket_turns = 0;
    for (bytes, most) in [(FULL_SPEED_BYTES, EAGER_BYTES), (STEADY_BYTES, STEADY_READ_BYTES)] {
        let stream = MessageStream::of(b"ann", bytes);
        let mut reading: Vec<StreamReader<'_>> =
            readers.iter_mut().map(|client| StreamReader::of_chunks(client, most)).collect();
        let transfer = Transfer::new(&stream, &mut sender);
        full_socket_turns +=
            transfer.run_to_end(fixture, &mut reading, long(fixture))?.full_socket_turns;
        reading.iter().try_for_each(|reader| reader.check_complete(&stream))?;
    }
    check_memory(fixture, before, memory)?;
    Ok(Finding::Noted(format!("the sender 's socket was full in {full_socket_turns} steps")))
}

/// The server resets a reader that never reads, and nine others receive everything (SPEC BPR-08).
fn a_stalled_reader_is_aborted(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let patience = needed(fixture.declared().patience, "patience")?;
    let mut setup = Setup::new(fixture, 9, 1)?;
    // One second, multiplied by the slack for this machine.
    let second = fixture.deadline() / 2;
    setup.send_stream(fixture, patience + second)?;
    let stalled = &mut setup.stalled[0];
    if !stalled.wait_for_break(second) {
        return Err(TestError::broken(
            "the server did not reset the connection of a reader that never reads",
        ));
    }
    StreamReader::eager(stalled).read_to_end(&setup.stream, Duration::ZERO)?;
    match stalled.end() {
        Some(End::Reset) => Ok(Finding::Kept),
        _ => Err(TestError::broken(
            "the server closed the connection of a reader that never reads with a FIN instead of a reset",
        )),
    }
}

/// A member that never reads the answers to its own messages is aborted (SPEC BPR-09).
fn a_member_with_unread_answers_is_aborted(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let patience = needed(fixture.declared().patience, "patience")?;
    let mut ann = fixture.connect("ann")?;
    ann.say(b"ann")?;
    ann.say(b"is this answered?")?;
    let Next::Pair(_) = ann.next(fixture.deadline())? else {
        return Err(TestError::Undeclared("answers to a client's own messages"));
    };
    ann.shrink_receive_buffer();
    let stream = MessageStream::beyond_buffers(b"ann");
    let mut transfer = Transfer::new(&stream, &mut ann);
    let mut still = Instant::now();
    while still.elapsed() < patience + fixture.deadline() {
        match transfer.step(&mut []) {
            Ok(Progress::Made) => still = Instant::now(),
            Ok(Progress::None) if !transfer.sender().wait_for_break(fixture.look_interval()) => {}
            // The server has aborted the connection, which may also show as an error of a write.
            Ok(Progress::None) | Err(_) => return Ok(Finding::Kept),
        }
    }
    Err(TestError::broken("the server did not abort a member that does not read its answers"))
}

/// A sender, members that read, and members that do not read.
struct Setup {
    sender: Client,
    readers: Vec<Client>,
    stalled: Vec<Client>,
    stream: MessageStream,
}

impl Setup {
    fn new(fixture: &mut Fixture, readers: usize, stalled: usize) -> Result<Self, TestError> {
        let mut sender = fixture.join("ann")?;
        let mut group = |kind: &str, count: usize| -> Result<Vec<Client>, TestError> {
            (0..count).map(|number| fixture.join(&format!("{kind}{number}"))).collect()
        };
        let (mut readers, mut stalled) = (group("reader", readers)?, group("stalled", stalled)?);
        stalled.iter_mut().for_each(Client::shrink_receive_buffer);
        let mut all: Vec<&mut Client> = vec![&mut sender];
        all.extend(readers.iter_mut().chain(&mut stalled));
        fixture.fence_all(&mut all)?;
        fixture.close_witness();
        Ok(Self { sender, readers, stalled, stream: MessageStream::beyond_buffers(b"ann") })
    }

    /// Sends the stream while the stalled members do not read. The readers have to receive all of
    /// it.
    fn send_stream(
        &mut self,
        fixture: &Fixture,
        patience: Duration,
    ) -> Result<TransferReport, TestError> {
        let mut reading: Vec<StreamReader<'_>> =
            self.readers.iter_mut().map(StreamReader::eager).collect();
        let transfer = Transfer::new(&self.stream, &mut self.sender);
        let report = transfer.run_to_end(fixture, &mut reading, patience)?;
        reading.iter().try_for_each(|reader| reader.check_complete(&self.stream))?;
        Ok(report)
    }

    /// The sender and a reader go on as before.
    fn exchange(&mut self, fixture: &mut Fixture) -> Result<(), TestError> {
        let reader = &mut self.readers[0];
        fixture.relay(&mut self.sender, b"still here", &mut [&mut *reader])?;
        fixture.relay(reader, b"me too", &mut [&mut self.sender])?;
        fixture.fence_all(&mut [&mut self.sender, reader])
    }
}

/// Longer than any patience, declared or not.
fn long(fixture: &Fixture) -> Duration {
    fixture.declared().patience.unwrap_or(PATIENCE_ASSUMED) + fixture.deadline()
}

fn check_memory(fixture: &Fixture, before: u64, declared: u64) -> Result<Finding, TestError> {
    let id = fixture.process()?.id();
    let peak = peak_resident(id).ok_or_else(|| TestError::Inapplicable(NO_USAGE.into()))?;
    let grown = peak.saturating_sub(before);
    let note = format!("{} KiB more, of {} KiB declared", grown >> 10, declared >> 10);
    if grown > declared + MEMORY_SLACK {
        return Err(TestError::broken(format!("the server's memory grew by {note}")));
    }
    Ok(Finding::Noted(note))
}

/// Flags for a small window, few clients, short messages and this patience.
const fn small_limits(patience: &'static str) -> [&'static str; 10] {
    [
        "--window",
        "1MiB",
        "--patience",
        patience,
        "--max-clients",
        "32",
        "--max-message",
        "4KiB",
        "--direct-bytes",
        "4KiB",
    ]
}

/// A small window and a short patience.
const SHORT: &[&str] = &["--window", "1MiB", "--patience", "300ms"];
/// The same with few clients, so that the declared memory is small.
const SMALL: &[&str] = &small_limits("300ms");
/// A small window, and enough patience for a slow reader on a busy machine.
const PATIENT: &[&str] = &small_limits("10s");
const SENDER_ONLY: &[&str] = &["--relay", "sender", "--patience", "300ms"];
/// For servers that do not declare their patience.
const PATIENCE_ASSUMED: Duration = Duration::from_secs(10);
/// After this time without bytes, the test assumes that the server sends nothing more by itself.
const PAUSE: Duration = Duration::from_millis(400);
/// Far more than the declared bound of any server under test.
const MEMORY_STREAM_BYTES: usize = 64 << 20;
const MEMORY_STREAM_TIME: Duration = Duration::from_mins(1);
const FULL_SPEED_BYTES: usize = 16 << 20;
const EAGER_BYTES: usize = 256 * 1024;
const SLOW_READ_BYTES: usize = 32 * 1024;
/// Some 20 MB/s for each of ten readers: less than any server sends.
const STEADY_READ_BYTES: usize = 4 * 1024;
const STEADY_BYTES: usize = 8 << 20;
/// Memory that the allocator keeps, thread stacks, and code that runs for the first time.
const MEMORY_SLACK: u64 = 8 << 20;
const NO_USAGE: &str = "this system does not report what a process uses";
