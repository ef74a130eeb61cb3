//! Cases: the tests in code of rules that a conversation cannot test in full.

mod case;
mod client;
mod close;
mod extensions;
mod frame;
mod handshake;
mod idle;
mod many_clients;
mod many_senders;
mod operator;
mod order;
mod pressure;
mod private;
mod relay;
mod resource;
mod segment;
mod shortage;
mod shutdown;
mod stalled;
mod traces;

pub use self::case::{Case, ClientCase, Finding, Needs, Test};

/// All cases of the rules for servers, area by area.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let areas = [
        close::CASES,
        many_clients::CASES,
        extensions::CASES,
        frame::CASES,
        handshake::CASES,
        idle::CASES,
        operator::CASES,
        order::CASES,
        pressure::CASES,
        private::CASES,
        relay::CASES,
        resource::CASES,
        segment::CASES,
        shortage::CASES,
        shutdown::CASES,
        stalled::CASES,
        traces::CASES,
    ];
    areas.into_iter().flatten()
}

/// The case of a rule for servers, if it has one.
pub fn case(id: &str) -> Option<&'static Case> {
    cases().find(|case| case.id == id)
}

/// The case of a rule for clients, if it has one.
pub fn client_case(id: &str) -> Option<&'static ClientCase> {
    client_cases().find(|case| case.id == id)
}

/// All cases of the rules for clients.
pub fn client_cases() -> impl Iterator<Item = &'static ClientCase> {
    client::CASES.iter()
}
