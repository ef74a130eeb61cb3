//! The dialects with bytes from the documentation of their protocols: whole, cut, and wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::{Dialect, DialectError};

const ALL: [Dialect; 5] =
    [Dialect::Chat, Dialect::Floor, Dialect::Redis, Dialect::Nats, Dialect::Mqtt];

/// What a listener receives when `ann` sends `hello`.
fn hello_of_ann(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::Chat | Dialect::Floor => b"3         ann5         hello",
        Dialect::Redis => b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$5\r\nhello\r\n",
        Dialect::Nats => b"MSG room 1 5\r\nhello\r\n",
        Dialect::Mqtt => b"\x30\x0b\0\x04roomhello",
    }
}

/// What the server sends besides messages.
fn others(dialect: Dialect) -> &'static [&'static [u8]] {
    match dialect {
        Dialect::Chat | Dialect::Floor => &[],
        Dialect::Redis => &[b":10\r\n", b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n"],
        Dialect::Nats => {
            &[b"INFO {\"server_id\":\"x\"} \r\n", b"PONG\r\n", b"PING\r\n", b"+OK\r\n"]
        }
        Dialect::Mqtt => &[b"\x20\x02\0\0", b"\x90\x03\0\x01\0", b"\xd0\0"],
    }
}

fn sent(dialect: Dialect, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    dialect.begin_message("ann", text.len(), &mut out);
    out.extend_from_slice(text);
    dialect.end_message(&mut out);
    out
}

#[test]
fn a_speaker_sends_what_the_documentation_shows() {
    let expected: [&[u8]; 5] = [
        b"5         hello",
        b"3         ann5         hello",
        b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$5\r\nhello\r\n",
        b"PUB room 5\r\nhello\r\n",
        b"\x30\x0b\0\x04roomhello",
    ];
    for (dialect, expected) in ALL.into_iter().zip(expected) {
        assert_eq!(expected, sent(dialect, b"hello"), "{dialect:?}");
    }
}

#[test]
fn a_listener_joins_as_the_documentation_shows_and_a_speaker_only_sends() {
    assert_eq!(&b"3         ann"[..], Dialect::Chat.hello("ann", true));
    assert_eq!(&b"3         ann"[..], Dialect::Floor.hello("ann", false));
    let subscribe = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n";
    assert_eq!(&subscribe[..], Dialect::Redis.hello("ann", false));
    assert_eq!(&b""[..], Dialect::Redis.hello("ann", true));
    let connect = b"\x10\x0f\0\x04MQTT\x04\x02\0\0\0\x03ann";
    assert_eq!(&connect[..], Dialect::Mqtt.hello("ann", true));
    let joined = [&connect[..], b"\x82\x09\0\x01\0\x04room\0"].concat();
    assert_eq!(joined, Dialect::Mqtt.hello("ann", false));
    let joined = String::from_utf8(Dialect::Nats.hello("ann", false)).unwrap();
    assert!(joined.starts_with("CONNECT {") && joined.contains("\"verbose\":false"), "{joined}");
    assert!(joined.ends_with("}\r\nSUB room 1\r\nPING\r\n"), "{joined}");
    assert!(!Dialect::Nats.hello("ann", true).windows(4).any(|word| word == b"SUB "));
}

#[test]
fn what_is_received_is_split_wherever_it_is_cut() {
    for dialect in ALL {
        let message = hello_of_ann(dialect);
        let things = [&[message][..], others(dialect), &[message]].concat();
        for (index, thing) in things.iter().enumerate() {
            for cut in 0..thing.len() {
                let split = dialect.split(&thing[..cut], 5).expect("what has come is right");
                assert!(split.is_none(), "{dialect:?}, {index} cut at {cut}");
            }
            let followed = [thing, &b"3"[..]].concat();
            let (pair, rest) = dialect.split(&followed, 5).unwrap().expect("it is whole");
            assert_eq!(b"3", rest, "{dialect:?}, {index}");
            assert_eq!(*thing == message, pair.is_some(), "{dialect:?}, {index}");
            let Some(pair) = pair else { continue };
            let sender: &[u8] = if dialect.carries_sender() { b"ann" } else { b"" };
            assert_eq!((sender, &b"hello"[..]), (pair.sender, pair.text), "{dialect:?}");
        }
    }
}

#[test]
fn a_delivery_has_the_length_computed_in_advance() {
    for dialect in ALL {
        assert_eq!(hello_of_ann(dialect).len(), dialect.delivery_len(3, 5), "{dialect:?}");
    }
    // An MQTT delivery is the packet that was sent. Its length has one to four bytes.
    for size in [0, 121, 122, 16_377, 16_378, 2_097_145, 2_097_146] {
        let packet = sent(Dialect::Mqtt, &vec![b'x'; size]);
        assert_eq!(packet.len(), Dialect::Mqtt.delivery_len(3, size), "{size}");
        let (pair, rest) = Dialect::Mqtt.split(&packet, size).unwrap().expect("it is whole");
        assert_eq!((Some(size), 0), (pair.map(|pair| pair.text.len()), rest.len()));
    }
    // The length of the length field varies.
    for (size, digits) in [(0, 1), (9, 1), (10, 2), (99, 2), (100, 3)] {
        assert_eq!(15 + digits + size, Dialect::Nats.delivery_len(3, size), "{size}");
        assert_eq!(32 + digits + size, Dialect::Redis.delivery_len(3, size), "{size}");
    }
}

#[test]
fn a_message_over_the_limit_is_rejected_before_it_is_complete() {
    for dialect in ALL {
        let message = hello_of_ann(dialect);
        assert!(dialect.split(&message[..message.len() - 5], 4).is_err(), "{dialect:?}");
    }
    let huge: [(Dialect, &[u8]); 3] = [
        (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$18446744073709551615\r\n"),
        (Dialect::Nats, b"MSG room 1 18446744073709551615\r\n"),
        (Dialect::Mqtt, b"\x30\xff\xff\xff\x7f"),
    ];
    for (dialect, bytes) in huge {
        let outcome = dialect.split(bytes, 1 << 20);
        assert!(matches!(outcome, Err(DialectError::TooLong { .. })), "{outcome:?}");
    }
}

#[test]
fn an_error_that_the_server_reports_is_passed_on_in_its_words() {
    let reported: [(Dialect, &[u8], &str); 4] = [
        (Dialect::Redis, b"-ERR max number of clients reached\r\n", "max number of clients"),
        (Dialect::Nats, b"-ERR 'Slow Consumer'\r\n", "Slow Consumer"),
        (Dialect::Mqtt, b"\x20\x02\0\x05", "CONNACK, code 5"),
        (Dialect::Mqtt, b"\x90\x03\0\x01\x80", "SUBACK, code 128"),
    ];
    for (dialect, bytes, words) in reported {
        let Err(DialectError::Reported(reason)) = dialect.split(bytes, 64) else {
            panic!("{dialect:?} takes {words} for something else");
        };
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn bytes_of_another_protocol_are_rejected() {
    let strange: [(Dialect, &[u8]); 14] = [
        (Dialect::Chat, b"HTTP/1.1 4"),
        (Dialect::Redis, b"HTTP/1.1"),
        (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$4\r\nhall\r\n"),
        (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$-1\r\n"),
        (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$+5\r\nhello\r\n"),
        (Dialect::Redis, b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$5\r\nhello!"),
        (Dialect::Nats, b"HTTP/1.1"),
        (Dialect::Nats, b"MSG hall 1 5\r\n"),
        (Dialect::Nats, b"MSG room 1 five\r\n"),
        (Dialect::Nats, b"MSG room 1 5\r\nhello!"),
        (Dialect::Mqtt, b"\x32\x0d\0\x04room\0\x01hello"),
        (Dialect::Mqtt, b"\x30\x0b\0\x04hallhello"),
        (Dialect::Mqtt, b"\x30\xff\xff\xff\xff"),
        (Dialect::Mqtt, b"\x20\x01\0"),
    ];
    for (dialect, bytes) in strange {
        let outcome = dialect.split(bytes, 64);
        assert!(outcome.is_err(), "{dialect:?}, {}: {outcome:?}", bytes.escape_ascii());
    }
    let endless = [&b":"[..], &vec![b'1'; 1 << 16]].concat();
    assert!(Dialect::Redis.split(&endless, 64).is_err());
    let endless = [&b"INFO "[..], &vec![b'1'; 1 << 16]].concat();
    assert!(Dialect::Nats.split(&endless, 64).is_err());
}

#[test]
fn no_change_of_a_byte_makes_it_panic() {
    for dialect in ALL {
        for thing in [&[hello_of_ann(dialect)][..], others(dialect)].concat() {
            for at in 0..thing.len() {
                for byte in 0..=255 {
                    let mut changed = thing.to_vec();
                    changed[at] = byte;
                    if let Ok(Some((_, rest))) = dialect.split(&changed, 64) {
                        assert!(rest.len() < changed.len(), "{dialect:?} takes no byte");
                    }
                }
            }
        }
    }
}

#[test]
fn a_welcome_is_read_to_its_end_and_no_byte_after_it() {
    for dialect in ALL {
        for speaks in [true, false] {
            let answer = welcome_of(dialect, speaks);
            let (mut client, mut server) = connection();
            server.write_all(&[&answer, hello_of_ann(dialect)].concat()).unwrap();
            dialect.await_welcome(&mut client, speaks).unwrap();
            drop(server);
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).unwrap();
            assert_eq!(hello_of_ann(dialect), rest, "{dialect:?}, speaks: {speaks}");
        }
    }
}

#[test]
fn a_wrong_welcome_is_an_error() {
    for (dialect, answer, words) in [
        (Dialect::Redis, &b"-ERR max number of clients reached\r\n"[..], "max number of clients"),
        (Dialect::Nats, b"-ERR 'maximum connections exceeded'\r\n", "maximum connections"),
        (Dialect::Mqtt, b"\x20\x02\0\x05", "\\x05"),
        (Dialect::Mqtt, b"\x20\x02", "closed the connection"),
        (Dialect::Nats, b"INFO", "closed the connection"),
    ] {
        let (mut client, mut server) = connection();
        server.write_all(answer).unwrap();
        drop(server);
        let error = dialect.await_welcome(&mut client, false).unwrap_err().to_string();
        assert!(error.contains(words), "{dialect:?}: {error}");
    }
}

fn welcome_of(dialect: Dialect, speaks: bool) -> Vec<u8> {
    let answer: &[u8] = match (dialect, speaks) {
        (Dialect::Chat | Dialect::Floor, _) | (Dialect::Redis, true) => b"",
        (Dialect::Redis, false) => b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n",
        (Dialect::Nats, _) => b"INFO {\"max_payload\":1048576} \r\nPONG\r\n",
        (Dialect::Mqtt, true) => b"\x20\x02\0\0",
        (Dialect::Mqtt, false) => b"\x20\x02\0\0\x90\x03\0\x01\0",
    };
    answer.to_vec()
}

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}
