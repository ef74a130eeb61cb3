//! Hand-over: which thread delivers, checked with loom over the interleavings of the threads that can.
//!
//! The test compiles the server's own `deliver.rs` a second time, against loom's lock and models of what
//! the file names through the crate, and uses the real `Room`. In every interleaving with at most three
//! preemptions:
//!
//! - everything that was appended is delivered, to the last byte, and then all threads are idle: one of
//!   them waits for that, and a lost wake-up is a deadlock, which loom reports;
//! - no two threads write at once, so there are never two rounds;
//! - the delivery thread ends when it is stopped.
//!
//! Two models stand for what loom cannot see. The *wake pipe* is a permit: `wake` sets it, and `wait`
//! takes it, or returns because a full socket is writable. A *socket* takes a number of bytes and is full
//! until its client has read.
//!
//! Each of these faults, put into `deliver.rs` by hand, makes a test fail here: to stop without a last
//! look at the head, or at where the round goes on, or with the lock released in between (`end_turn`);
//! not to wake the delivery thread after a round, or for sockets that have become full (`deliver`); to
//! wake it without leaving it the round (`hand_over`); to set `parked` after the look at the room, or to
//! leave a writable socket without a deliverer (`park`); a second round while one is in progress
//! (`needs_deliverer`, `delivery_thread`); to stop without waking (`stop_delivery_thread`).

use std::time::{Duration, Instant};

use loom::model::Builder;
use loom::sync::atomic::AtomicBool;
use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use loom::thread;
use protocol::Name;
use server_core::{MemberId, Relay, Room, Said, Wake};

#[path = "../src/deliver.rs"]
#[expect(dead_code, reason = "the model starts its threads itself")]
mod deliver;

/// In place of the server: the same lock, and what `deliver.rs` uses of the rest.
struct Server {
    state: Mutex<State>,
    wake_pipe: WakePipe,
    /// Wakes the thread that waits for the end of all deliveries.
    delivered: Condvar,
}

struct State {
    room: Room<Arc<Socket>>,
    delivery: deliver::Delivery,
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread has panicked")
    }

    /// Always wakes, because the test waits for every delivery.
    fn wake(&self, _wake: Wake) {
        self.delivered.notify_all();
    }
}

mod poll {
    #[derive(Clone, Copy, PartialEq)]
    pub(crate) enum Block {
        No,
        UntilWoken,
    }

    /// No member is aborted here.
    pub(crate) fn stop_reading(_socket: &super::Socket) {
        unreachable!("the room gave up a member");
    }
}

mod socket {
    use std::io::{self, ErrorKind};

    use loom::sync::atomic::Ordering;
    use server_core::WriteBatch;

    /// Takes as many bytes as the socket has space for.
    pub(crate) fn write_batch(socket: &super::Socket, batch: &WriteBatch) -> io::Result<usize> {
        let world = &socket.world;
        assert!(!world.sending.swap(true, Ordering::SeqCst), "two rounds at once");
        let mut kernel = world.kernel.lock().expect("no thread has panicked");
        let taken = kernel.places[socket.place].min(batch.bytes());
        kernel.places[socket.place] -= taken;
        drop(kernel);
        world.sending.store(false, Ordering::SeqCst);
        if taken > 0 { Ok(taken) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

/// One end of a connection.
struct Socket {
    world: Arc<World>,
    place: usize,
}

/// The kernel's state, and its changes.
struct World {
    kernel: Mutex<Kernel>,
    changed: Condvar,
    /// Whether a thread is in `write_batch`.
    sending: AtomicBool,
}

struct Kernel {
    woken: bool,
    /// Whether every full socket is reported writable once although it is not.
    lies: bool,
    /// How many bytes each socket can take.
    places: Vec<usize>,
}

struct WakePipe(Arc<World>);

impl WakePipe {
    fn wake(&self) {
        self.0.kernel.lock().expect("no thread has panicked").woken = true;
        self.0.changed.notify_all();
    }

    fn wait(&self, full: &[(MemberId, Arc<Socket>)], block: poll::Block) -> Vec<MemberId> {
        let mut kernel = self.0.kernel.lock().expect("no thread has panicked");
        loop {
            let woken = std::mem::take(&mut kernel.woken);
            let lies = !full.is_empty() && std::mem::take(&mut kernel.lies);
            let ready = full.iter().filter(|(_, socket)| lies || kernel.places[socket.place] > 0);
            let ready: Vec<_> = ready.map(|(member, _)| *member).collect();
            if woken || !ready.is_empty() || block == poll::Block::No {
                return ready;
            }
            kernel = self.0.changed.wait(kernel).expect("no thread has panicked");
        }
    }

    /// Only after this are the sockets really writable.
    fn back_off(&self) {
        let mut kernel = self.0.kernel.lock().expect("no thread has panicked");
        kernel.places.iter_mut().for_each(|place| *place += PLENTY);
    }
}

/// Three members, whose sockets have space for so many bytes, and a delivery thread.
struct Scene {
    server: Arc<Server>,
    members: [MemberId; 3],
    delivery_thread: thread::JoinHandle<()>,
}

impl Scene {
    fn begin(places: [usize; 3]) -> Self {
        let kernel = Mutex::new(Kernel { woken: false, lies: false, places: places.into() });
        let (changed, sending) = (Condvar::new(), AtomicBool::new(false));
        let world = Arc::new(World { kernel, changed, sending });
        let mut room = Room::new(Relay::Others, 1 << 20, Duration::from_secs(1), 1024);
        let members = [0, 1, 2].map(|place| {
            let name = Name::new(&[b'a' + place]).expect("a letter is a name");
            let socket = Socket { world: Arc::clone(&world), place: place.into() };
            room.join(&name, Arc::new(socket), Instant::now()).expect("the room is open")
        });
        let state = Mutex::new(State { room, delivery: deliver::Delivery::default() });
        let server =
            Arc::new(Server { state, wake_pipe: WakePipe(world), delivered: Condvar::new() });
        let serving = Arc::clone(&server);
        let delivery_thread = thread::spawn(move || deliver::delivery_thread(&serving));
        Self { server, members, delivery_thread }
    }

    /// A client's thread: appends a message and delivers.
    fn sender(&self, place: usize) -> impl FnOnce() + 'static {
        let (server, member) = (Arc::clone(&self.server), self.members[place]);
        move || deliver::deliver(&server, say(&server, member))
    }

    /// A client that reads, so that its socket is writable.
    fn reader(&self, place: usize) -> impl FnOnce() + 'static {
        let server = Arc::clone(&self.server);
        move || {
            let world = &server.wake_pipe.0;
            world.kernel.lock().expect("no thread has panicked").places[place] += PLENTY;
            world.changed.notify_all();
        }
    }

    /// Waits until no member lags, and ends the delivery thread.
    fn end(self) {
        let mut state = self.server.lock();
        while self.members.iter().any(|member| state.room.is_behind(*member)) {
            state = self.server.delivered.wait(state).expect("no thread has panicked");
        }
        deliver::stop_delivery_thread(&self.server, &mut state);
        drop(state);
        self.delivery_thread.join().expect("the delivery thread has not panicked");
    }
}

fn say(server: &Server, member: MemberId) -> MutexGuard<'_, State> {
    let mut state = server.lock();
    assert_eq!(Said::Appended, state.room.say(member, b"hi", Instant::now()));
    state
}

fn check(scene: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scene);
}

#[test]
fn what_two_threads_append_is_delivered_by_one_at_a_time() {
    check(|| {
        let scene = Scene::begin([PLENTY; 3]);
        let other = thread::spawn(scene.sender(0));
        scene.sender(1)();
        other.join().expect("the sender has not panicked");
        scene.end();
    });
}

#[test]
fn a_full_socket_is_served_once_its_client_reads() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        let reader = thread::spawn(scene.reader(1));
        scene.sender(0)();
        reader.join().expect("the reader has not panicked");
        scene.end();
    });
}

#[test]
fn a_socket_that_is_only_reported_writable_is_left_alone_for_a_while() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        scene.server.wake_pipe.0.kernel.lock().expect("no thread has panicked").lies = true;
        scene.sender(0)();
        scene.end();
    });
}

#[test]
fn a_full_socket_is_served_while_another_thread_delivers() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        scene.sender(0)();
        let reader = thread::spawn(scene.reader(1));
        scene.sender(0)();
        reader.join().expect("the reader has not panicked");
        scene.end();
    });
}

#[test]
fn a_thread_that_waits_for_the_room_leaves_delivery_to_the_delivery_thread() {
    check(|| {
        let scene = Scene::begin([PLENTY; 3]);
        let other = thread::spawn(scene.sender(0));
        let mut state = say(&scene.server, scene.members[1]);
        deliver::hand_over(&scene.server, &mut state);
        drop(state);
        // From here on this thread delivers nothing.
        scene.end();
        other.join().expect("the sender has not panicked");
    });
}

/// After one member the delivery thread takes over the round, and everything appended during it.
const MEMBERS_PER_TURN: usize = 1;

/// More bytes than a test appends.
const PLENTY: usize = 1000;
