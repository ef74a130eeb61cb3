//! Listening on more than one address.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;

use server_core::{Relay, STOPPING, Settings, Shutdown, listen};

use super::client::Client;
use super::server::Server;
use super::{FENCED, pair};
use crate::PROGRAM;

#[test]
fn a_name_is_served_on_every_address_it_has() {
    let server = Server::start(&[&FENCED[..], &["--listen", "localhost:0"]].concat());
    let port = server.address.parse::<SocketAddr>().expect("a ready line has an address").port();
    // An address that this machine does not have, such as ::1 without IPv6, cannot be served.
    let has = |address: &SocketAddr| std::net::TcpListener::bind((address.ip(), 0)).is_ok();
    let expected: BTreeSet<SocketAddr> =
        ("localhost", port).to_socket_addrs().expect("localhost is known").filter(has).collect();
    let addresses = server.addresses(expected.len());
    assert_eq!(expected, addresses.iter().map(|address| address.parse().unwrap()).collect());
    let mut clients = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        clients.push(Client::join(address, &format!("ann{number}")));
    }
    drop(clients);
    let ended = server.stop();
    assert_eq!((Some(0), ""), (ended.code, &*ended.out), "{}", ended.err);
}

#[test]
fn clients_of_all_listeners_share_the_room_and_the_shutdown() {
    let settings = Settings { relay: Relay::Everyone, ..Settings::default() };
    let open = || listen::listen(([127, 0, 0, 1], 0).into(), listen::set_listener_options);
    let listeners: Vec<_> = (0..3).map(|_| open().expect("there is a free port")).collect();
    let addresses: Vec<String> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect();
    let shutdown = Shutdown::default();
    let trigger = shutdown.clone();
    let serving = thread::spawn(move || (PROGRAM.serve)(listeners, settings, shutdown));
    let mut ann = Client::join(&addresses[0], "ann");
    let mut bob = Client::join(&addresses[1], "bob");
    let mut cid = Client::join(&addresses[2], "cid");
    assert_eq!(pair("bob", "here"), ann.receive());
    for client in [&mut ann, &mut bob] {
        assert_eq!(pair("cid", "here"), client.receive());
    }
    trigger.trigger();
    for client in [&mut ann, &mut bob, &mut cid] {
        assert_eq!(pair("server", STOPPING), client.receive());
        client.expect_end();
    }
    serving.join().expect("it does not panic").expect("it serves");
    for address in addresses {
        assert!(std::net::TcpStream::connect(&address).is_err(), "{address} is closed");
    }
}
