//! The brokers that the lab can measure beside our servers. Each installed one is started, and its
//! deliveries are checked; the others are listed as ignored.

use std::process::ExitCode;

use conformance::baselines::Broker;
use libtest_mimic::{Arguments, Failed, Trial};
use load::{Crowd, Extent, FanOut, MESSAGE_BYTES_MIN, Shape};

fn main() -> ExitCode {
    let trials = Broker::ALL.map(|broker| {
        let trial = Trial::test(broker.name(), move || delivers_everything(broker));
        match broker.find() {
            Ok(_) => trial,
            Err(reason) => trial.with_ignored_flag(true).with_kind(reason),
        }
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// In two sizes, so that the length is read and not assumed. The load checks every delivery.
fn delivers_everything(broker: Broker) -> Result<(), Failed> {
    let server = broker.find()?.start()?;
    for (size, messages) in [(MESSAGE_BYTES_MIN, 500), (1 << 20, 20)] {
        let shape = Shape { speakers: 2, listeners: 5, size, dialect: broker.dialect() };
        let mut crowd = Crowd::join(server.addr(), &shape)?;
        let plan = FanOut { extent: Extent::Messages(messages), in_flight: 16 };
        let tally = crowd.fan_out(plan)?;
        assert_eq!((messages, messages * 5), (tally.messages, tally.deliveries), "{size} bytes");
    }
    Ok(())
}
