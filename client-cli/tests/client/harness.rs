//! Harness: the client as a child process, and a server that the test plays.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// No step takes this long unless it hangs; then the test fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The program under test, independent of the environment's user name and colours.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client-cli"));
    command.env("USER", "tester").env_remove("NO_COLOR");
    command
}

/// A process that is killed when this is dropped.
pub(crate) struct Running(pub(crate) Child);

/// A running client.
pub(crate) struct Client {
    process: Running,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

/// The result of a client that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status.
    pub(crate) status: Option<i32>,
    /// The lines of its output that [`Client::line`] has not returned.
    pub(crate) output: Vec<String>,
    /// Its complete standard error.
    pub(crate) errors: String,
}

impl Client {
    /// Starts a client that connects to `server`.
    pub(crate) fn start(server: SocketAddr) -> Self {
        Self::spawn(program().arg(server.to_string()))
    }

    /// Starts `command` with all three standard streams in pipes.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the client starts");
        let lines = in_thread(child.stdout.take().unwrap(), |output, results| {
            for line in BufReader::new(output).lines() {
                results.send(line.unwrap()).ok();
            }
        });
        let errors = in_thread(child.stderr.take().unwrap(), |mut output, results| {
            let mut text = String::new();
            output.read_to_string(&mut text).unwrap();
            results.send(text).ok();
        });
        Self { input: child.stdin.take(), process: Running(child), lines, errors }
    }

    /// Writes to its standard input.
    pub(crate) fn type_in(&mut self, bytes: impl AsRef<[u8]>) {
        self.input.as_mut().expect("input is open").write_all(bytes.as_ref()).unwrap();
    }

    /// Takes its standard input, so that another thread can write or close it.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.input.take().expect("input is open")
    }

    /// Closes its standard input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line of its output.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(TIMEOUT).expect("a line of output")
    }

    /// Closes its standard input, then the server's connection, and asserts a quiet end.
    pub(crate) fn leave(mut self, mut stream: TcpStream) -> Ended {
        self.end_input();
        assert_eq!(None, read_frame(&mut stream), "the client's end");
        drop(stream);
        let ended = self.wait();
        ended.assert_succeeded();
        ended
    }

    /// Waits until it has ended. Its standard input is not closed before.
    pub(crate) fn wait(mut self) -> Ended {
        let errors = self.errors.recv_timeout(TIMEOUT).expect("the client ends");
        let output = self.lines.iter().collect();
        Ended { status: self.process.0.wait().unwrap().code(), output, errors }
    }
}

impl Ended {
    /// Asserts the exit status and that standard error holds exactly one line that contains
    /// `cause`.
    pub(crate) fn assert_failed(&self, status: i32, cause: &str) {
        assert_eq!(Some(status), self.status, "{self:?}");
        assert!(self.errors.contains(cause), "{cause:?} is missing in {self:?}");
        assert_eq!(1, self.errors.lines().count(), "{self:?}");
    }

    /// Asserts exit status 0 and an empty standard error.
    pub(crate) fn assert_succeeded(&self) {
        assert_eq!((Some(0), ""), (self.status, self.errors.as_str()), "{self:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A listening server on a free port of the loopback.
pub(crate) struct Server {
    /// The address on which it listens.
    pub(crate) address: SocketAddr,
    clients: Receiver<TcpStream>,
}

impl Server {
    /// Listens, and accepts one client in the background.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = in_thread(listener, |listener, results| {
            results.send(listener.accept().unwrap().0).ok();
        });
        Self { address, clients }
    }

    /// The client's connection.
    pub(crate) fn accept(&self) -> TcpStream {
        let stream = self.clients.recv_timeout(TIMEOUT).expect("a client connects");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

/// Starts a client and a server, and reads the client's name.
pub(crate) fn join() -> (Client, TcpStream) {
    let server = Server::start();
    let client = Client::start(server.address);
    let mut stream = server.accept();
    assert_eq!(Some("tester".into()), read_frame(&mut stream));
    (client, stream)
}

/// The next frame's payload; `None` at EOF. The client encodes with the crate `protocol`, so this reader does not use it.
pub(crate) fn read_frame(stream: &mut TcpStream) -> Option<String> {
    let mut header = [0; 10];
    match stream.read(&mut header).unwrap() {
        0 => return None,
        count => stream.read_exact(&mut header[count..]).unwrap(),
    }
    let length = std::str::from_utf8(&header).unwrap().trim_end().parse().unwrap();
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    Some(String::from_utf8(payload).unwrap())
}

/// The bytes of one pair.
pub(crate) fn pair(name: &str, text: &str) -> Vec<u8> {
    let frame = |payload: &str| format!("{:<10}{payload}", payload.len());
    (frame(name) + &frame(text)).into_bytes()
}

/// Runs `work` on `source` in a thread, and returns the channel of its results.
fn in_thread<S: Send + 'static, T: Send + 'static>(
    source: S,
    work: impl FnOnce(S, mpsc::Sender<T>) + Send + 'static,
) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || work(source, sender));
    receiver
}
