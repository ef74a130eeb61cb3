//! Faults: system calls that fail as they do once in a year, made to by strace.
//!
//! For each call and error the table says who may suffer: nobody, or only the member whose own socket it
//! was. Everybody else has to lose nothing, new clients have to get in, and SIGTERM has to end the server
//! with status 0. Without strace, or where it may not trace, the trials are listed as ignored.

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
    // They hardly do anything but wait.
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

/// Members talk while calls fail; then it is seen who is left and what they have heard.
fn survive(model: Model, fault: &Fault, name: &str) -> Result<(), Failed> {
    let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace("::", "-"));
    let child = start(model, fault, &record)?;
    let mut chat = Chat::new(child.addr());
    chat.gather()?;
    chat.talk()?;
    chat.gather_one()?;
    check_rest(&child, &mut chat)?;
    chat.compare()?;
    let told = chat.told();
    if let Some(reason) = &fault.told
        && !told.contains(&reason.to_string())
    {
        return Err(format!("`{reason}` told to a newcomer expected, got {told:?}").into());
    }
    let injected = || Ok(fs::read_to_string(&record)?.matches("INJECTED").count());
    child.await_that("the fault has happened", || injected().map(|count| count > 0))?;
    let lost_max = if fault.loss == Loss::Nobody { 0 } else { injected()? };
    let (lost, here) = chat.lost_and_here();
    if lost > lost_max || here < 2 {
        return Err(
            format!("at most {lost_max} of {} cut off expected, got {lost}", lost + here).into()
        );
    }
    child.stop()?;
    Ok(fs::remove_file(&record)?)
}

/// A server that can start no thread cannot serve: it says so in one line, and that is no panic.
fn give_up_in_one_line(model: Model) -> Result<(), Failed> {
    let inject = "inject=clone3:error=EAGAIN";
    let prefix = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"];
    let prefix = [&prefix[..], &["-e", "trace=clone3", "-e", inject]].concat();
    let said = match Child::start(model, &prefix, &[]) {
        Ok(_) => return Err("it serves without a thread for its log".into()),
        Err(said) => said.message().unwrap_or_default().to_owned(),
    };
    let told = format!("server-{model}: a thread cannot be started");
    if said.contains("exit status: 1") && said.contains(&told) && !said.contains("panicked") {
        return Ok(());
    }
    Err(format!("status 1 and `{told}` expected, got {said}").into())
}

/// Starts a server whose calls fail. It is the child itself; strace is a process beside it.
fn start(model: Model, fault: &Fault, record: &Path) -> Result<Child, Failed> {
    let (trace, inject) = (format!("trace={}", fault.calls), fault.injection());
    let record = record.to_str().ok_or("a path that can be written")?;
    let prefix = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", record];
    let prefix = [&prefix[..], &["-e", &trace, "-e", &inject]].concat();
    Child::start(model, &prefix, &["--relay", "everyone"])
}

/// When nobody says anything, nothing happens.
fn check_rest(child: &Child, chat: &mut Chat) -> Result<(), Failed> {
    let (start, cpu) = (Instant::now(), child.cpu()?);
    chat.expect_silence(WINDOW)?;
    let used = child.cpu()?.saturating_sub(cpu);
    if used <= start.elapsed() / 10 {
        return Ok(());
    }
    Err(format!("{used:?} of processor time are used in {:?} of silence", start.elapsed()).into())
}

const AT_ONCE: usize = 16;
/// Long enough to tell a server that spins from one that rests.
const WINDOW: Duration = Duration::from_millis(500);
