//! Shutdown: cases of the end of a server, and of a server that cannot start.

use std::time::{Duration, Instant};

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, End, Next};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;
use crate::suite::message_stream::{MessageStream, StreamReader, TEXT_BYTES, Transfer};

pub(super) const CASES: &[Case] = &[
    Case::new("SHD-01", Needs::Process, messages_read_before_the_signal_are_delivered),
    Case::new("SHD-02", Needs::Process, no_client_delays_the_shutdown).with(SHORT_GRACE),
    Case::new("SHD-04", Needs::Process, a_taken_port_is_reported),
    Case::new("SHD-05", Needs::Process, a_second_signal_ends_at_once).with(LONG_GRACE),
    Case::new("SHD-06", Needs::Process, members_are_notified_of_the_shutdown),
];

/// (SPEC SHD-01)
fn messages_read_before_the_signal_are_delivered(
    fixture: &mut Fixture,
) -> Result<Finding, TestError> {
    let grace = needed(fixture.declared().grace, "grace")?;
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    fixture.close_witness();
    let stream = MessageStream::of(b"ann", READ_BYTES);
    Transfer::new(&stream, &mut ann).run_to_end(fixture, &mut [], fixture.deadline())?;
    // What cyd has received was read by the server. The end of the stream may still be in flight to
    // it.
    let all_but_one = MessageStream::of(b"ann", READ_BYTES - TEXT_BYTES);
    let mut cyd_reader = StreamReader::eager(&mut cyd);
    cyd_reader.read_to_end(&all_but_one, fixture.deadline())?;
    cyd_reader.check_complete(&all_but_one)?;
    fixture.await_read(&mut ann);
    fixture.process()?.terminate();
    let mut reader = StreamReader::eager(&mut bob);
    reader.read_to_end(&stream, fixture.deadline())?;
    reader.check_complete(&stream)?;
    for client in [&mut bob, &mut ann] {
        expect_closing_messages(fixture, client)?;
    }
    // The clients have seen the end and close; the server need not wait for them.
    drop((ann, bob, cyd));
    match fixture.process()?.wait(grace + fixture.deadline()) {
        Some(status) if status.success() => Ok(Finding::Kept),
        Some(status) => Err(TestError::broken(format!("the server ended with {status}"))),
        None => Err(TestError::broken("the server did not end within the declared grace")),
    }
}

/// Clients of every uncooperative kind are connected (SPEC SHD-02).
fn no_client_delays_the_shutdown(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let grace = needed(fixture.declared().grace, "grace")?;
    let _clients = UncooperativeClients::join(fixture)?;
    fixture.process()?.terminate();
    match fixture.process()?.wait(grace + fixture.deadline()) {
        Some(_) => Ok(Finding::Kept),
        None => Err(TestError::broken("the server did not end within the declared grace")),
    }
}

/// (SPEC SHD-04)
fn a_taken_port_is_reported(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let second = fixture.start_beside()?;
    let Some(status) = second.wait(fixture.deadline() * 2) else {
        return Err(TestError::broken("a second server on the same port did not end"));
    };
    if status.success() {
        return Err(TestError::broken("a second server on the same port ended with status 0"));
    }
    if second.last_log(fixture.deadline()).is_none_or(|log| log.trim().is_empty()) {
        return Err(TestError::broken(
            "a second server on the same port ended without an error message",
        ));
    }
    // The first server goes on.
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC SHD-05)
fn a_second_signal_ends_at_once(fixture: &mut Fixture) -> Result<Finding, TestError> {
    if fixture.declared().grace.is_some_and(|grace| grace <= fixture.deadline()) {
        let what = "its grace is too short to show the effect of a second signal, and it declares no words for --grace";
        return Err(TestError::Inapplicable(what.into()));
    }
    let _clients = UncooperativeClients::join(fixture)?;
    let start = Instant::now();
    while start.elapsed() < fixture.deadline() {
        // Signals that arrive together count as one, so the test sends one every 50 ms.
        fixture.process()?.terminate();
        if fixture.process()?.wait(BETWEEN_SIGNALS).is_some() {
            return Ok(Finding::Kept);
        }
    }
    Err(TestError::broken("the server did not end after more than one signal"))
}

/// (SPEC SHD-06)
fn members_are_notified_of_the_shutdown(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    fixture.relay(&mut ann, b"hello", &mut [&mut bob])?;
    fixture.process()?.terminate();
    for client in [&mut ann, &mut bob] {
        let pairs = fixture.read_to_end(client)?;
        let [notice] = &pairs[..] else {
            let (label, count) = (client.label(), pairs.len());
            let what = format!(
                "{label} received {count} pairs before the end of the connection, not one notice"
            );
            return Err(TestError::broken(what));
        };
        client.check_refusal(notice)?;
    }
    Ok(Finding::Kept)
}

/// Checks that a client receives only whole pairs from the server itself, and then a FIN.
fn expect_closing_messages(fixture: &Fixture, client: &mut Client) -> Result<(), TestError> {
    while let Next::Pair(pair) = client.next(fixture.deadline())? {
        client.check_refusal(&pair)?;
    }
    match client.expect_end(Duration::ZERO)? {
        End::Eof => Ok(()),
        End::Reset => Err(TestError::broken(format!(
            "the server reset {}'s connection instead of closing it with a FIN",
            client.label()
        ))),
    }
}

/// Clients that could delay a shutdown: one without a name, one inside a frame, and one that does
/// not read while another one sends.
struct UncooperativeClients(
    #[expect(dead_code, reason = "they only have to stay connected")] Vec<Client>,
);

impl UncooperativeClients {
    fn join(fixture: &mut Fixture) -> Result<Self, TestError> {
        let (mut ann, mut stalled) = (fixture.join("ann")?, fixture.join("stalled")?);
        let mut mid_frame = fixture.join("mid_frame")?;
        fixture.fence_all(&mut [&mut ann, &mut stalled, &mut mid_frame])?;
        fixture.close_witness();
        let unnamed = fixture.connect("unnamed")?;
        mid_frame.write(b"5         he")?;
        stalled.shrink_receive_buffer();
        let stream = MessageStream::beyond_buffers(b"ann");
        let mut reading = [StreamReader::eager(&mut mid_frame)];
        let mut transfer = Transfer::new(&stream, &mut ann);
        transfer.run_until_stalled(fixture, &mut reading)?;
        Ok(Self(vec![ann, stalled, mid_frame, unnamed]))
    }
}

/// No member is aborted for not reading. Half the window, up to which the room waits for a stalled
/// member, is more than the kernel holds for it in the end (some 600 KB).
const SHORT_GRACE: &[&str] = &["--grace", "500ms", "--window", "8MiB", "--patience", "1h"];
const LONG_GRACE: &[&str] = &["--grace", "1h", "--window", "8MiB", "--patience", "1h"];
const READ_BYTES: usize = 1 << 20;
const BETWEEN_SIGNALS: Duration = Duration::from_millis(50);
