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

/// Why there can be no crowd here, if there cannot.
pub(crate) fn obstacle() -> Option<String> {
    let most = descriptors();
    (most < OWN + CROWD_MIN).then(|| format!("only {most} descriptors here"))
}

/// Seventeen thousand connect, which is more than a process has memory maps for on a stock Linux: those
/// who find no place are told, those who do cost nobody anything, and all is given back.
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
    // Places are given in the order in which clients came, and three were taken.
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
    child.await_that("the threads are back", || Ok(child.threads()? == threads))?;
    let memory_after = child.resident()?;
    if memory_after > memory + MEMORY_KEPT_MAX {
        return Err(format!("{} KiB of memory are kept", (memory_after - memory) >> 10).into());
    }
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    stage.join("newcomer")?;
    println!(
        "threaded: {crowd} connects: {threads_max} threads, {} refused; {} MiB resident before, {} \
         with all, {} after; {:.1} s",
        crowd + 3 - places,
        memory >> 20,
        memory_max >> 20,
        memory_after >> 20,
        start.elapsed().as_secs_f64()
    );
    child.stop()
}

/// How many this process may have.
fn descriptors() -> usize {
    let soft = rlimit::Resource::NOFILE.get_soft().unwrap_or_default();
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// A client whose end leaves no trace in the kernel's tables, which other tests have to read.
fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Result<TcpStream, Failed> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&server.into(), DEADLINE)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(socket.into())
}

/// One address has too few ports for everybody.
fn source(number: usize) -> Ipv4Addr {
    let group = u8::try_from(number / 1000 % 250).expect("it is below 250");
    Ipv4Addr::new(127, 0, 1, group + 1)
}

fn expect_refusal(client: &mut TcpStream) -> Result<(), Failed> {
    let mut told = Vec::new();
    client.read_to_end(&mut told).map_err(|error| format!("a surplus client: {error}"))?;
    let expected = rejection(&CloseReason::Full).expect("it is told");
    if told == expected {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&told);
    Err(format!("a surplus client: {expected:?} expected, got {told:?}").into())
}

const CROWD: usize = 17_000;
/// Fewer are no crowd.
const CROWD_MIN: usize = 500;
/// Descriptors that the test needs for itself and for the trials beside it.
const OWN: usize = 3000;
/// Where there are more threads than descriptors, so many are refused all the same.
const SURPLUS_MIN: usize = 100;
const TALK_EVERY: usize = 1000;
const DEADLINE: Duration = Duration::from_secs(10);
/// The allocator and the C library keep some stacks and arenas for the next.
const MEMORY_KEPT_MAX: u64 = 96 << 20;
