//! Each naive server delivers everything, as the load checks, and the load reports each defect.

use std::net::SocketAddr;

use clap::ValueEnum;
use load::{Crowd, Extent, FanOut, LoadError, MESSAGE_BYTES_MIN, Shape, Tally};

use super::{Defect, serve_channel, serve_defective, serve_queue, serve_send, serve_writer};
use crate::baselines::floor::tests::start;

#[test]
fn the_server_that_sends_under_the_lock_delivers_everything() {
    delivers_everything(start(|listener| serve_send(&listener)));
}

#[test]
fn the_server_with_writer_threads_delivers_everything() {
    delivers_everything(start(|listener| serve_writer(&listener)));
}

#[test]
fn the_server_with_writer_tasks_delivers_everything() {
    delivers_everything(start(serve_channel));
}

#[test]
fn the_server_with_queues_delivers_everything() {
    delivers_everything(start(serve_queue));
}

#[test]
fn the_load_reports_every_defect_but_a_delay() {
    for defect in Defect::value_variants() {
        let defect = *defect;
        let addr = start(move |listener| serve_defective(&listener, defect));
        let outcome = fan_out(addr, Shape::chat(1, 7, 64), MESSAGES);
        match defect {
            Defect::Delay => assert_eq!(MESSAGES * 7, outcome.unwrap().deliveries),
            Defect::Drop | Defect::Double | Defect::Swap => {
                let error = outcome.expect_err("the defect must be reported");
                assert!(matches!(error, LoadError::Violation { .. }), "{defect:?}: {error}");
            }
        }
    }
}

/// With several speakers, whose deliveries interleave, and in two sizes.
fn delivers_everything(addr: SocketAddr) {
    for (size, messages) in [(MESSAGE_BYTES_MIN, MESSAGES), (1 << 20, 20)] {
        let tally = fan_out(addr, Shape::chat(3, 5, size), messages).unwrap();
        assert_eq!((messages, messages * 7), (tally.messages, tally.deliveries), "{size}");
    }
}

fn fan_out(addr: SocketAddr, shape: Shape, messages: u64) -> Result<Tally, LoadError> {
    let mut crowd = Crowd::join(addr, &shape)?;
    crowd.fan_out(FanOut { extent: Extent::Messages(messages), in_flight: 16 })
}

const MESSAGES: u64 = 1000;
