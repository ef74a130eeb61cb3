//! Crowd: more clients than there can be threads.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use conformance::target::Model;
use libtest_mimic::Failed;
use server_core::{CloseReason, PerClient, budget, rejection};
use socket2::{Domain, Socket, Type};

use crate::child::Child;
use crate::descriptors::PATIENT;

/// The reason for which this machine allows too few clients; `None` if it allows enough.
pub(crate) fn obstacle() -> Option<String> {
    let needed = OWN + CROWD_MIN;
    (descriptors() < needed).then(|| format!("needs {needed} descriptors"))
}

/// Seventeen thousand clients connect. On a stock Linux, a process has too few memory maps for as
/// many threads. Surplus clients receive the reason, members keep talking, and all threads and most
/// memory are given back.
pub(crate) fn seventeen_thousand() -> Result<(), Failed> {
    let start = Instant::now();
    let crowd = CROWD.min(descriptors() - OWN);
    let places = budget::clients_max(PerClient::Thread).min(crowd - SURPLUS_MIN);
    let places_flag = places.to_string();
    let flags = [&PATIENT[..], &["--max-clients", &places_flag]].concat();
    let child = Child::start(Model::Threaded, &[], &flags)?;
    let mut stage = child.stage();
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let (threads, memory) = (child.threads()?, child.resident()?);
    let mut clients = Vec::new();
    for number in 0..crowd {
        clients.push(connect_from(source(number), child.addr())?);
        if number % TALK_EVERY == 0 {
            stage.fence_all(&mut [&mut ann, &mut bob])?;
        }
    }
    // Clients are admitted in the order in which they connect, after three that were there before.
    for client in &mut clients[places - 3..] {
        expect_refusal(client)?;
    }
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    let (threads_max, memory_max) = (child.threads()?, child.resident()?);
    let expected = threads + (places - 3) as u64;
    if threads_max != expected {
        return Err(format!("{expected} threads expected, got {threads_max}").into());
    }
    drop(clients);
    child.await_that("as many threads as before", || Ok(child.threads()? == threads))?;
    let memory_after = child.resident()?;
    if memory_after > memory + MEMORY_KEPT_MAX {
        let (kept, most) = ((memory_after - memory) >> 10, MEMORY_KEPT_MAX >> 10);
        return Err(format!("at most {most} KiB of memory kept expected, got {kept}").into());
    }
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    stage.join("newcomer")?;
    println!(
        "threaded: {crowd} clients: {threads_max} threads, {} clients rejected; {} MiB resident \
         before, {} with all, {} after; {:.1} s",
        crowd + 3 - places,
        memory >> 20,
        memory_max >> 20,
        memory_after >> 20,
        start.elapsed().as_secs_f64()
    );
    child.stop()
}

/// The number of descriptors that this process may have.
fn descriptors() -> usize {
    let soft = rlimit::Resource::NOFILE.get_soft().unwrap_or_default();
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// A client that resets its connection at the end, which leaves no entry in the kernel's table of
/// connections, which other tests read.
fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Result<TcpStream, Failed> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&server.into(), DEADLINE)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(socket.into())
}

/// The source address of a client; one address has too few ports for all clients.
fn source(number: usize) -> Ipv4Addr {
    let group = u8::try_from(number / 1000 % 250).expect("it is below 250");
    Ipv4Addr::new(127, 0, 1, group + 1)
}

fn expect_refusal(client: &mut TcpStream) -> Result<(), Failed> {
    let mut received = Vec::new();
    client.read_to_end(&mut received).map_err(|error| format!("a surplus client: {error}"))?;
    let expected = rejection(&CloseReason::Full).expect("this reason is sent to the client");
    if received == expected {
        return Ok(());
    }
    let received = String::from_utf8_lossy(&received);
    Err(format!("a surplus client: {expected:?} expected, got {received:?}").into())
}

const CROWD: usize = 17_000;
/// The test shows little with fewer clients.
const CROWD_MIN: usize = 500;
/// Descriptors that the test and the trials beside it need.
const OWN: usize = 3000;
/// At least this number of clients is rejected, even where the machine has threads for all.
const SURPLUS_MIN: usize = 100;
const TALK_EVERY: usize = 1000;
const DEADLINE: Duration = Duration::from_secs(10);
/// The allocator and the C library keep some stacks and arenas for later threads.
const MEMORY_KEPT_MAX: u64 = 96 << 20;
