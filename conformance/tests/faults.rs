//! Faults: system calls that fail, as they rarely do, because strace injects errors.
//!
//! For each call and error, the table says which members may lose their connection: none, or only
//! the member whose socket it was. All others must lose nothing, new clients must be admitted, and
//! SIGTERM must end the server with status 0. Without strace, or without the right to trace, the
//! trials are listed as ignored.

#[path = "faults/chat.rs"]
mod chat;
#[path = "common/child.rs"]
mod child;
#[path = "common/strace.rs"]
mod strace;
#[path = "faults/table.rs"]
mod table;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chat::Chat;
use child::Child;
use conformance::target::Model;
use libtest_mimic::{Arguments, Failed, Trial};
use table::{Fault, Loss, faults};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials mostly wait.
    arguments.test_threads.get_or_insert(AT_ONCE);
    let obstacle = strace::obstacle();
    let trials = Model::ALL.into_iter().flat_map(|model| {
        let faults = faults(model).into_iter();
        faults.map(move |fault| (format!("{model}::{}", fault.name()), model, fault))
    });
    let mut trials: Vec<Trial> = trials
        .map(|(name, model, fault)| {
            Trial::test(name.clone(), move || survive(model, &fault, &name))
        })
        .collect();
    trials.extend(Model::ALL.map(|model| {
        Trial::test(format!("{model}::no_thread_at_all"), move || give_up_in_one_line(model))
    }));
    let skip = |trial: Trial| {
        trial.with_kind(obstacle.unwrap_or_default()).with_ignored_flag(obstacle.is_some())
    };
    let trials = trials.into_iter().map(skip).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Makes members talk while calls fail, and checks which are left and what they have received.
fn survive(model: Model, fault: &Fault, name: &str) -> Result<(), Failed> {
    let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace("::", "-"));
    let child = start(model, fault, &record)?;
    let mut chat = Chat::new(child.addr());
    chat.join()?;
    chat.talk()?;
    chat.join_one()?;
    check_idle(&child, &mut chat)?;
    chat.compare()?;
    let received = chat.rejections();
    if let Some(reason) = &fault.rejection
        && !received.contains(&reason.to_string())
    {
        return Err(format!("a newcomer rejected for `{reason}` expected, got {received:?}").into());
    }
    let injected = || Ok(fs::read_to_string(&record)?.matches("INJECTED").count());
    child.await_that("an injected fault", || injected().map(|count| count > 0))?;
    let lost_max = if fault.loss == Loss::None { 0 } else { injected()? };
    let (lost, present) = chat.lost_and_present();
    if lost > lost_max || present < 2 {
        return Err(format!(
            "at most {lost_max} of {} cut off expected, got {lost}",
            lost + present
        )
        .into());
    }
    child.stop()?;
    Ok(fs::remove_file(&record)?)
}

/// A server that cannot start a thread cannot serve: it reports that in one line, without a panic.
fn give_up_in_one_line(model: Model) -> Result<(), Failed> {
    let inject = "inject=clone3:error=EAGAIN";
    let prefix = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"];
    let prefix = [&prefix[..], &["-e", "trace=clone3", "-e", inject]].concat();
    let got = match Child::start(model, &prefix, &[]) {
        Ok(_) => return Err("an end expected, but the server serves without threads".into()),
        Err(error) => error.message().unwrap_or_default().to_owned(),
    };
    let expected = format!("server-{model}: a thread cannot be started");
    if got.contains("exit status: 1") && got.contains(&expected) && !got.contains("panicked") {
        return Ok(());
    }
    Err(format!("status 1 and `{expected}` expected, got {got}").into())
}

/// Starts a server whose calls fail. The server itself is the child; strace is a process beside it.
fn start(model: Model, fault: &Fault, record: &Path) -> Result<Child, Failed> {
    let (trace, inject) = (format!("trace={}", fault.calls), fault.injection());
    let record = record.to_str().ok_or("the path of the record must be UTF-8")?;
    let prefix = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", record];
    let prefix = [&prefix[..], &["-e", &trace, "-e", &inject]].concat();
    Child::start(model, &prefix, &["--relay", "everyone"])
}

/// Checks that a server without messages sends nothing and uses less than a tenth of a processor.
fn check_idle(child: &Child, chat: &mut Chat) -> Result<(), Failed> {
    let (start, cpu) = (Instant::now(), child.cpu()?);
    chat.expect_silence(WINDOW)?;
    let used = child.cpu()?.saturating_sub(cpu);
    if used <= start.elapsed() / 10 {
        return Ok(());
    }
    let (most, elapsed) = (start.elapsed() / 10, start.elapsed());
    Err(format!("at most {most:?} of processor time in {elapsed:?} expected, got {used:?}").into())
}

const AT_ONCE: usize = 16;
/// Long enough to distinguish a server that spins from one that waits.
const WINDOW: Duration = Duration::from_millis(500);
