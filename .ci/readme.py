#!/usr/bin/env python3
"""Runs the README's commands as a reader would: word for word, from the top of the repository.

Two line clients and the tutorial's client chat through each server, at the servers' default address. Then
the suite checks the tutorial's server. It is an error if a command of the README is not run here, or if a
command that is run here is not in the README.
"""

import contextlib
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

SERVER = "cargo run --release --bin server-select"
ANN = "cargo run --release --bin client-cli -- --name ann"
BOB = "cargo run --release --bin client-cli -- --name bob"
TUTORIAL = "python3 conformance/guests/client.py"
CHECK = "cargo run --release --bin conformance -- check -- python3 conformance/guests/server.py --port {port}"
# The gate (.ci/run) runs these in steps of their own.
RUN_BY_GATE = [
    "cargo lab",
    "cargo test --workspace",
    "cargo run --release --package conformance -- siege --short",
]
# Servers with other flags, and the line that each prints when it is ready.
OTHER_SERVERS = {
    f"{SERVER} -- --listen 0.0.0.0:1234": "listening on 0.0.0.0:1234",
    f"{SERVER} -- --max-message 4MiB --window 32MiB --frame-timeout 5m": "listening on 127.0.0.1:1234",
}
COMMANDS = [SERVER, ANN, BOB, TUTORIAL, CHECK, *OTHER_SERVERS, *RUN_BY_GATE]

TWINS = ["server-select", "server-threaded", "server-async"]
CLAIM = "`server-threaded` and `server-async` take the same flags and do the same"
READY = "listening on 127.0.0.1:1234"

# Without signals that the parent process ignores, as nohup ignores a hangup.
SIGNALS = [
    number
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if signal.getsignal(number) != signal.SIG_IGN
]
# Time limit of one step. Compilation has its own limit, and ends before the first step begins.
STEP_SECONDS_MAX = 20
BUILD_SECONDS_MAX = 900
# Interval at which a step looks for output and repeats its action.
POLL_SECONDS = 0.05
# Lines of output, and of errors, in the report of a failure.
LINES_SHOWN_MAX = 40


class Failure(Exception):
    """A step that failed, in one sentence."""


class Program:
    """A running command and the lines it prints. It is ended at the end of its `with` block."""

    def __init__(self, command):
        self.command = command
        self.printed = []
        # Lines of its output; None is EOF.
        self.lines = queue.Queue()
        self.errors = tempfile.TemporaryFile()
        # `exec` replaces the shell, so the process is the program itself.
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1"},
            # A process group of its own, so that a compiler's helpers are ended as well.
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            # SIGTERM comes first, so that a program can end its own children.
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STEP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def type_in(self, line):
        # A program that has ended fails a later step, by its output or its status.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def end_input(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def wait_for_line(self, text, repeat=lambda: None):
        """Waits for a line that ends with `text`, and calls `repeat` until it comes."""
        deadline = time.monotonic() + STEP_SECONDS_MAX
        while time.monotonic() < deadline:
            repeat()
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=POLL_SECONDS)
                if line is None:
                    break
                self.printed.append(line)
                if line.endswith(text):
                    return
        self._fail(f"does not print {text!r}")

    def wait_for_exit(self, status, seconds_max=STEP_SECONDS_MAX):
        try:
            found = self.process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            self._fail("does not end")
        if found != status:
            self._fail(f"ends with status {found} instead of {status}")

    def _fail(self, what):
        with contextlib.suppress(queue.Empty):
            while (line := self.lines.get(timeout=POLL_SECONDS)) is not None:
                self.printed.append(line)
        self.errors.seek(0)
        errors = self.errors.read().decode("utf-8", "replace").splitlines()
        last = "\n".join(["last output:", *self.printed[-LINES_SHOWN_MAX:], "last errors:", *errors[-LINES_SHOWN_MAX:]])
        raise Failure(f"`{self.command}` {what}; {last}")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)


@contextlib.contextmanager
def signals_deferred():
    """Defers signals to the end of the block, so that none comes between a start and its registration."""
    deferred = []
    before = {number: signal.signal(number, lambda number, _: deferred.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in deferred:
            signal.raise_signal(number)


def end_all(number, _):
    """Ends every running program by unwinding. Further signals are ignored, so that unwinding completes."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def start(command, running):
    with signals_deferred():
        return running.enter_context(Program(command))


def compare_with_the_readme():
    text = pathlib.Path("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if sorted(found) != sorted(COMMANDS):
        odd = sorted(set(found) ^ set(COMMANDS))
        raise Failure(f"only in the README, or only in .ci/readme.py: {odd}")
    if CLAIM not in " ".join(text.split()):
        raise Failure(f"the README no longer says: {CLAIM}")


def compile_everything():
    with contextlib.ExitStack() as running:
        start("cargo build --release --bins", running).wait_for_exit(0, BUILD_SECONDS_MAX)


def chat_through(name):
    with contextlib.ExitStack() as running:
        server = start(SERVER.replace("server-select", name), running)
        server.wait_for_line(READY)
        ann, bob, zoe = (start(command, running) for command in (ANN, BOB, TUTORIAL))
        zoe.type_in("Zoë 🦀")
        # A relayed message proves that both are in the room. The tutorial's client receives only when Enter
        # is pressed.
        bob.wait_for_line("ann > knock", repeat=lambda: ann.type_in("knock"))
        ann.wait_for_line("bob > knock", repeat=lambda: bob.type_in("knock"))
        ann.wait_for_line("Zoë 🦀 > knock", repeat=lambda: zoe.type_in("knock"))
        ann.type_in("سلام، 你好")
        bob.wait_for_line("ann > سلام، 你好")
        zoe.wait_for_line("ann > سلام، 你好", repeat=lambda: zoe.type_in(""))
        zoe.type_in("how are you? 👋")
        for listener in (ann, bob):
            listener.wait_for_line("Zoë 🦀 > how are you? 👋")
        ann.end_input()
        ann.wait_for_exit(0)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_exit(0)
        zoe.wait_for_line("Connection closed by the server", repeat=lambda: zoe.type_in(""))
        # The input of bob is still open, so the server's end is a failure for his client.
        bob.wait_for_exit(1)


def chat_briefly(command, ready):
    """Starts this server, sends messages from one client to another, and ends it."""
    with contextlib.ExitStack() as running:
        server = start(command, running)
        server.wait_for_line(ready)
        ann, bob = (start(command, running) for command in (ANN, BOB))
        bob.wait_for_line("ann > hello", repeat=lambda: ann.type_in("hello"))
        server.process.send_signal(signal.SIGINT)
        server.wait_for_exit(0)


def check_the_tutorial():
    with contextlib.ExitStack() as running:
        start(CHECK, running).wait_for_exit(0, 3 * STEP_SECONDS_MAX)


def main():
    for number in SIGNALS:
        signal.signal(number, end_all)
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    try:
        compare_with_the_readme()
        compile_everything()
        for name in TWINS:
            chat_through(name)
            print(f"{name}: two line clients and the tutorial's client have chatted", flush=True)
        for command, ready in OTHER_SERVERS.items():
            chat_briefly(command, ready)
            print(f"{command}: two line clients have chatted", flush=True)
        check_the_tutorial()
        print("the tutorial's server has been checked", flush=True)
    except Failure as failure:
        sys.exit(f"the README's commands: {failure}")


if __name__ == "__main__":
    main()
