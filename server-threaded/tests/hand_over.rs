//! Hand-over: who delivers, checked by loom over the interleavings of the threads that can.
//!
//! What is checked is the server's own `deliver.rs`, compiled here a second time against loom's lock and
//! against models of what it names through the crate, and the real `Room`. In every interleaving with up
//! to three preemptions:
//!
//! - whatever was appended is delivered, to the last byte, and then everybody is idle: one of the threads
//!   waits for that, and a lost wake-up is a deadlock, which loom reports;
//! - no two threads send at once, so there are never two rounds;
//! - the courier ends when it is stopped.
//!
//! Two models stand for what loom cannot see. The *bell*, a pipe in a poll, is a permit: ringing sets it,
//! and waiting takes it, or returns because a full socket can take more. A *socket* takes so many bytes
//! and is full until its client has read.
//!
//! Each of these faults, put into `deliver.rs` by hand, fails a test here: letting go without looking at
//! the head again, or at where the round goes on, or with the lock let go in between (`conclude`); not
//! calling the courier after a
//! round, or not for sockets that have become full (`deliver`); calling it without leaving it the round
//! (`hand_over`); noting that it is parked after the room was looked at, or leaving a socket that can
//! take more to nobody (`park`); a round although one is under way (`is_left_to_nobody`, `courier`);
//! stopping without a call (`stop_courier`).

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
    bell: Bell,
    /// Wakes whoever waits for a delivery to end.
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

    /// Wakes always, because here all deliveries are waited for.
    fn wake(&self, _release: Wake) {
        self.delivered.notify_all();
    }
}

mod connection {
    /// Nobody is aborted here.
    pub(crate) fn wake_reader(_socket: &super::Socket) {
        unreachable!("the room gave up a member");
    }
}

mod socket {
    use std::io::{self, ErrorKind};

    use loom::sync::atomic::Ordering;
    use server_core::WriteBatch;

    /// Takes what there is place for.
    pub(crate) fn write_batch(socket: &super::Socket, offer: &WriteBatch) -> io::Result<usize> {
        let world = &socket.world;
        assert!(!world.sending.swap(true, Ordering::SeqCst), "two rounds at once");
        let mut kernel = world.kernel.lock().expect("no thread has panicked");
        let taken = kernel.places[socket.place].min(offer.bytes());
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

/// What the kernel knows.
struct World {
    kernel: Mutex<Kernel>,
    changed: Condvar,
    /// Whether a thread is in `offer`.
    sending: AtomicBool,
}

struct Kernel {
    rung: bool,
    /// Whether every full socket is once said to take more although it does not.
    lies: bool,
    /// How many bytes each socket can take.
    places: Vec<usize>,
}

struct Bell(Arc<World>);

impl Bell {
    fn ring(&self) {
        self.0.kernel.lock().expect("no thread has panicked").rung = true;
        self.0.changed.notify_all();
    }

    fn wait(&self, full: &[(MemberId, Arc<Socket>)], patience: deliver::Patience) -> Vec<MemberId> {
        let mut kernel = self.0.kernel.lock().expect("no thread has panicked");
        loop {
            let rung = std::mem::take(&mut kernel.rung);
            let lies = !full.is_empty() && std::mem::take(&mut kernel.lies);
            let ready = full.iter().filter(|(_, socket)| lies || kernel.places[socket.place] > 0);
            let ready: Vec<_> = ready.map(|(member, _)| *member).collect();
            if rung || !ready.is_empty() || patience == deliver::Patience::None {
                return ready;
            }
            kernel = self.0.changed.wait(kernel).expect("no thread has panicked");
        }
    }

    /// Only then do the sockets really take more.
    fn rest(&self) {
        let mut kernel = self.0.kernel.lock().expect("no thread has panicked");
        kernel.places.iter_mut().for_each(|place| *place += PLENTY);
    }
}

/// Three members, whose sockets take so many bytes, and a courier.
struct Scene {
    server: Arc<Server>,
    members: [MemberId; 3],
    courier: thread::JoinHandle<()>,
}

impl Scene {
    fn begin(places: [usize; 3]) -> Self {
        let kernel = Mutex::new(Kernel { rung: false, lies: false, places: places.into() });
        let (changed, sending) = (Condvar::new(), AtomicBool::new(false));
        let world = Arc::new(World { kernel, changed, sending });
        let mut room = Room::new(Relay::Others, 1 << 20, Duration::from_secs(1), 1024);
        let members = [0, 1, 2].map(|place| {
            let name = Name::new(&[b'a' + place]).expect("a letter is a name");
            let socket = Socket { world: Arc::clone(&world), place: place.into() };
            room.join(&name, Arc::new(socket), Instant::now()).expect("the room is open")
        });
        let state = Mutex::new(State { room, delivery: deliver::Delivery::new() });
        let server = Arc::new(Server { state, bell: Bell(world), delivered: Condvar::new() });
        let serving = Arc::clone(&server);
        let courier = thread::spawn(move || deliver::courier(&serving));
        Self { server, members, courier }
    }

    /// A client's thread: says something and delivers.
    fn speaker(&self, place: usize) -> impl FnOnce() + 'static {
        let (server, member) = (Arc::clone(&self.server), self.members[place]);
        move || deliver::deliver(&server, say(&server, member))
    }

    /// A client that reads: its socket can take more.
    fn reader(&self, place: usize) -> impl FnOnce() + 'static {
        let server = Arc::clone(&self.server);
        move || {
            let world = &server.bell.0;
            world.kernel.lock().expect("no thread has panicked").places[place] += PLENTY;
            world.changed.notify_all();
        }
    }

    /// Waits until nobody is behind, and ends the courier.
    fn end(self) {
        let mut state = self.server.lock();
        while self.members.iter().any(|member| state.room.is_behind(*member)) {
            state = self.server.delivered.wait(state).expect("no thread has panicked");
        }
        deliver::stop_courier(&self.server, &mut state);
        drop(state);
        self.courier.join().expect("the courier has not panicked");
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
        let other = thread::spawn(scene.speaker(0));
        scene.speaker(1)();
        other.join().expect("the speaker has not panicked");
        scene.end();
    });
}

#[test]
fn a_full_socket_is_served_once_its_client_reads() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        let reader = thread::spawn(scene.reader(1));
        scene.speaker(0)();
        reader.join().expect("the reader has not panicked");
        scene.end();
    });
}

#[test]
fn a_socket_that_only_seems_to_take_more_is_left_alone_for_a_while() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        scene.server.bell.0.kernel.lock().expect("no thread has panicked").lies = true;
        scene.speaker(0)();
        scene.end();
    });
}

#[test]
fn a_full_socket_is_served_while_another_thread_delivers() {
    check(|| {
        let scene = Scene::begin([PLENTY, 5, PLENTY]);
        scene.speaker(0)();
        let reader = thread::spawn(scene.reader(1));
        scene.speaker(0)();
        reader.join().expect("the reader has not panicked");
        scene.end();
    });
}

#[test]
fn who_waits_for_the_room_has_the_courier_deliver() {
    check(|| {
        let scene = Scene::begin([PLENTY; 3]);
        let other = thread::spawn(scene.speaker(0));
        let mut state = say(&scene.server, scene.members[1]);
        deliver::hand_over(&scene.server, &mut state);
        drop(state);
        // From here on it delivers nothing itself.
        scene.end();
        other.join().expect("the speaker has not panicked");
    });
}

/// What a round has beyond that, and what comes in during it, is handed over.
const SENDS: usize = 1;
/// More bytes than a test says.
const PLENTY: usize = 1000;
