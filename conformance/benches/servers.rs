//! Servers: small fixed workloads on all three, as real processes; every delivery is checked.
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

/// Fan-out of one speaker: an iteration is a message, heard by all.
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

/// Two clients that answer each other: an iteration is there and back, two deliveries.
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

/// Visitors: an iteration is to come, to speak, to be heard, and to be let go.
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

/// Has every server play in turn; it is started, and joined, only if it is chosen.
fn on_every_server<Players>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    join: impl Fn(&ServerProcess) -> Players,
    play: impl Fn(&mut Players, u64) -> Duration,
) {
    for model in Model::ALL {
        // Criterion comes back to the same stage several times.
        let mut stage = None;
        group.bench_function(BenchmarkId::from_parameter(model), |bencher| {
            let (_server, players) = stage.get_or_insert_with(|| {
                let server = checked(ServerProcess::ours(model, Path::new(PROGRAM), &[]));
                let players = join(&server);
                (server, players)
            });
            bencher.iter_custom(|iterations| play(players, iterations));
        });
    }
}

/// A benchmark that is not served correctly has no figure: it ends with the reason.
fn checked<T>(outcome: Result<T, impl Display>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
const LISTENERS_MAX: usize = 1000;
const IN_FLIGHT: u64 = 1024;

/// Short samples: with a server started and filled for each, the 24 cells take under three minutes.
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
