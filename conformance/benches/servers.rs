//! Servers: small fixed workloads on all three servers as real processes. Every delivery is checked.
//!
//! A group is a workload and a parameter is a server, so that a group reads as a comparison.
//! `cargo bench --bench servers -- fan-out-64B-1000` runs one group.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use conformance::process::ServerProcess;
use conformance::support::interrupt::end_children_on_signals;
use conformance::target::Model;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use load::{Churn, Crowd, Extent, FanOut, Shape, raise_open_files_limit};

/// Fan-out of one sender: an iteration is one message to all listeners.
fn fan_out(criterion: &mut Criterion) {
    for (title, size) in [("64B", 64), ("1KiB", 1024)] {
        for listeners in [10, 100, LISTENERS_MAX] {
            let mut group = group(criterion, &format!("fan-out-{title}-{listeners}"));
            group.throughput(Throughput::Elements(listeners as u64));
            let shape = Shape::chat(1, listeners, size);
            on_every_server(
                &mut group,
                |server| checked(Crowd::join(server.addr(), &shape)),
                |crowd, messages| {
                    let extent = Extent::Messages(messages);
                    checked(crowd.fan_out(FanOut { extent, in_flight: IN_FLIGHT })).elapsed
                },
            );
        }
    }
}

/// Two clients that answer each other: an iteration is one round trip, two deliveries.
fn ping_pong(criterion: &mut Criterion) {
    let mut group = group(criterion, "ping-pong");
    group.throughput(Throughput::Elements(2));
    let shape = Shape::chat(2, 0, 64);
    on_every_server(
        &mut group,
        |server| checked(Crowd::join(server.addr(), &shape)),
        |crowd, rounds| checked(crowd.ping_pong(rounds)).tally.elapsed,
    );
}

/// Clients join and leave: an iteration is to join, send, receive and leave.
fn join_leave(criterion: &mut Criterion) {
    let mut group = group(criterion, "join-leave");
    group.throughput(Throughput::Elements(1));
    on_every_server(
        &mut group,
        |server| checked(Churn::join(server.addr())),
        |churn, visitors| checked(churn.run(visitors)).elapsed,
    );
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Benchmarks every server. A server is started, and its clients join, only if its benchmark is selected.
fn on_every_server<Clients>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    join: impl Fn(&ServerProcess) -> Clients,
    run: impl Fn(&mut Clients, u64) -> Duration,
) {
    for model in Model::ALL {
        // Criterion calls this closure several times for one benchmark.
        let mut running = None;
        group.bench_function(BenchmarkId::from_parameter(model), |bencher| {
            let (_server, clients) = running.get_or_insert_with(|| {
                let server = checked(ServerProcess::ours(model, Path::new(PROGRAM), &[]));
                let clients = join(&server);
                (server, clients)
            });
            bencher.iter_custom(|iterations| run(clients, iterations));
        });
    }
}

/// A benchmark with an incorrect delivery has no figure: it panics with the reason.
fn checked<T>(outcome: Result<T, impl Display>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
const LISTENERS_MAX: usize = 1000;
const IN_FLIGHT: u64 = 1024;

/// Short samples: the 24 cells take under three minutes, although each starts and fills a server.
fn prepared() -> Criterion {
    checked(end_children_on_signals());
    checked(raise_open_files_limit(LISTENERS_MAX));
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(700))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = servers; config = prepared(); targets = fan_out, ping_pong, join_leave }
criterion_main!(servers);
