//! Proxy: one of our servers behind a proxy that cuts the bytes in other places.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use conformance::process::ServerProcess;
use conformance::target::{Evidence, Instance, Medium, Model, NotStarted, Target, TcpWire, Wire};
use protocol::{Decoder, encode_frame};

use crate::altered::StartedBy;

/// Where the proxy cuts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Between the two frames of each pair. The last message of those that arrived together follows
    /// only when the client has read everything before it.
    Frames,
    /// After every byte, in both directions.
    Bytes,
}

pub(crate) fn proxied(cut: Cut) -> impl Target {
    StartedBy(move |flags: &[String]| {
        let exe = Path::new(env!("CARGO_BIN_EXE_conformance"));
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let server = ServerProcess::ours(Model::Select, exe, &flags)
            .map_err(|error| NotStarted::Failed(error.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let behind = server.addr();
        // This thread ends with the test program; no client connects to it after the test.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || forward(&client, behind, cut));
            }
        });
        Ok(Box::new(Proxied { addr, _server: server }) as Box<dyn Instance>)
    })
}

struct Proxied {
    addr: SocketAddr,
    _server: ServerProcess,
}

impl Instance for Proxied {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.addr)?))
    }

    fn medium(&self) -> Medium {
        Medium::Process
    }
}

/// Copies bytes in both directions until the server ends the connection.
fn forward(client: &TcpStream, behind: SocketAddr, cut: Cut) -> io::Result<()> {
    let server = TcpStream::connect(behind)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // However the client's direction ends, the server has to see its end.
            match cut {
                Cut::Frames => io::copy(&mut &*client, &mut &server).map(drop),
                Cut::Bytes => byte_by_byte(client, &server),
            }
            .ok();
            ended.store(true, Ordering::Relaxed);
            server.shutdown(Shutdown::Write).ok();
        });
        match cut {
            Cut::Frames => frame_by_frame(&server, client, &ended),
            Cut::Bytes => byte_by_byte(&server, client),
        }
        .ok();
        client.shutdown(Shutdown::Both).ok();
    });
    Ok(())
}

fn byte_by_byte(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut chunk = [0; 4096];
    while let count @ 1.. = from.read(&mut chunk)? {
        chunk[..count].iter().try_for_each(|byte| to.write_all(&[*byte]))?;
    }
    Ok(())
}

fn frame_by_frame(
    mut server: &TcpStream,
    mut client: &TcpStream,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut frames = Decoder::new(1 << 20);
    let mut chunk = [0; 4096];
    let mut sent = 0;
    while let count @ 1.. = server.read(&mut chunk)? {
        frames.feed(&chunk[..count]);
        let mut next = frames.next_frame();
        while let Ok(Some(payload)) = next {
            next = frames.next_frame();
            let (is_last, is_message) = (!matches!(next, Ok(Some(_))), sent % 2 == 1);
            if is_last && is_message {
                await_read(client, ended)?;
            }
            let mut frame = BytesMut::new();
            encode_frame(&payload, &mut frame);
            client.write_all(&frame)?;
            sent += 1;
        }
    }
    Ok(())
}

/// Waits until the client has read everything, or has ended its direction. Otherwise the kernel
/// might deliver both frames of a pair at once, and only a client that reads faster than this proxy
/// writes would see the cut.
fn await_read(client: &TcpStream, ended: &AtomicBool) -> io::Result<()> {
    let mut wire = TcpWire::accepted(client.try_clone()?)?;
    while cfg!(target_os = "linux")
        && !ended.load(Ordering::Relaxed)
        && wire.await_read(READ_SOON) == Evidence::Assumed
    {}
    Ok(())
}

/// A client that reads all the time has read within this time, and the proxy does not pause.
const READ_SOON: Duration = Duration::from_millis(1);
