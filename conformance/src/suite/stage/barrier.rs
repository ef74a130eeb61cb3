//! Barriers: who is known to be in the room, and that nothing is on its way unseen.

use std::time::{Duration, Instant};

use super::{LOOK_PACE, Stage};
use crate::spec::{Mode, Relay};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, End, Next, Pumped, Text, encoded};

impl Stage {
    /// A client with its label for a name, known to be in the room.
    ///
    /// # Errors
    ///
    /// The server does not let it in.
    pub fn join(&mut self, label: &str) -> Result<Client, Fault> {
        self.join_as(label, label.as_bytes())
    }

    /// A client of this name, known to be in the room.
    ///
    /// # Errors
    ///
    /// The server does not let it in.
    pub fn join_as(&mut self, label: &str, name: &[u8]) -> Result<Client, Fault> {
        self.place_witness()?;
        let mut client = self.connect(label)?;
        client.say(name)?;
        self.admit(&mut client)?;
        Ok(client)
    }

    /// A client of this name, known to be in the room, and known to have been announced to those `present`,
    /// if this server does that (SPEC EXT-01): the notice is the next thing that each of them receives.
    /// In base mode they receive nothing.
    ///
    /// # Errors
    ///
    /// The server does not let it in, or somebody present is not told of it, or first of something else.
    pub fn join_among(
        &mut self,
        label: &str,
        name: &[u8],
        present: &mut [&mut Client],
    ) -> Result<Client, Fault> {
        let client = self.join_as(label, name)?;
        if self.mode == Mode::Extended {
            let notice = [name, b" has joined"].concat();
            for other in present {
                other.expect(b"server", Text::Exactly(&notice), self.deadline())?;
            }
        }
        Ok(client)
    }

    /// Waits until a client that has sent its name is known to be in the room.
    ///
    /// # Errors
    ///
    /// It is closed, or nothing it says is relayed.
    pub fn admit(&mut self, client: &mut Client) -> Result<(), Fault> {
        match self.try_admit(client)? {
            Admission::In => Ok(()),
            Admission::Ended(_) => {
                Err(Fault::broken(format!("{} is closed instead of joining", client.label())))
            }
            Admission::Silent => {
                Err(Fault::broken(format!("nothing that {} says is relayed", client.label())))
            }
        }
    }

    /// Finds out what becomes of a client that has sent its name.
    ///
    /// With extensions it is in when it is greeted (SPEC EXT-07); the greeting is not expected again.
    /// Otherwise it says a new token again and again until one is relayed: being heard proves that it is in the
    /// room, and a server may take its time between reading a name and adding its bearer.
    ///
    /// # Errors
    ///
    /// The server breaks the form of the stream.
    pub fn try_admit(&mut self, client: &mut Client) -> Result<Admission, Fault> {
        if self.mode == Mode::Extended {
            return self.await_greeting(client);
        }
        self.place_witness()?;
        let start = Instant::now();
        while start.elapsed() < self.deadline() {
            let token = self.tokens.next();
            let said = Instant::now();
            // A connection that has just been refused may be gone; its end is seen below.
            if client.say(token.as_bytes()).is_err() {
                client.pump(REPEAT_PACE);
            } else if self.is_heard(&token, client)? {
                self.relay_time = self.relay_time.max(said.elapsed());
                return Ok(Admission::In);
            }
            if let Some(end) = client.end() {
                return Ok(Admission::Ended(end));
            }
        }
        Ok(Admission::Silent)
    }

    fn await_greeting(&self, client: &mut Client) -> Result<Admission, Fault> {
        match client.next(self.deadline())? {
            Next::Pair(pair) if pair.sender == "server" => Ok(Admission::In),
            Next::Pair(pair) => {
                let what = format!("{} receives something before it is greeted", client.label());
                Err(Fault::Broken { what, expected: Vec::new(), got: encoded(&pair) })
            }
            Next::Ended(end) => Ok(Admission::Ended(end)),
            Next::Silence => Ok(Admission::Silent),
        }
    }

    /// Proves that nothing else is on its way from `from` to `to`: what one client says arrives in
    /// order, so a token that arrives has nothing of that client's before it that was not expected.
    ///
    /// # Errors
    ///
    /// Something else was on its way, or the token does not come.
    pub fn fence(&mut self, from: &mut Client, to: &mut [&mut Client]) -> Result<(), Fault> {
        let token = self.tokens.next();
        let deadline = self.deadline();
        from.say(token.as_bytes())?;
        if self.relay != Relay::Others {
            from.expect_token(&token, deadline)?;
        }
        if self.relay != Relay::Sender {
            for client in to {
                client.expect_token(&token, deadline)?;
            }
        }
        self.drain_witness();
        Ok(())
    }

    /// A fence from every client that can speak to every one that listens; the rest may have received
    /// nothing at all.
    ///
    /// # Errors
    ///
    /// Something was on its way that no test expected.
    pub fn fence_all(&mut self, clients: &mut [&mut Client]) -> Result<(), Fault> {
        for turn in 0..clients.len() {
            // The others, in an order that starts behind the speaker.
            clients.rotate_left(1);
            let (from, others) = clients.split_last_mut().expect("the turn counts the clients");
            if !from.can_listen() || !from.can_speak() {
                from.pump(Duration::ZERO);
                continue;
            }
            let mut to: Vec<&mut Client> =
                others.iter_mut().filter(|c| c.can_listen()).map(|c| &mut **c).collect();
            self.fence(from, &mut to).map_err(|fault| named_fence(fault, turn))?;
        }
        for client in clients.iter_mut().filter(|client| client.is_unnamed()) {
            client.expect_nothing_yet()?;
        }
        Ok(())
    }

    /// Sees the hidden witness off, which reads only when somebody joins or is fenced, and would be a slow
    /// reader in between.
    pub fn dismiss_witness(&mut self) {
        let Some(mut witness) = self.witness.take() else { return };
        witness.half_close();
        let start = Instant::now();
        while witness.end().is_none()
            && witness.check_form().is_ok()
            && start.elapsed() < self.deadline()
        {
            witness.pump(LOOK_PACE);
        }
    }

    fn place_witness(&mut self) -> Result<(), Fault> {
        if self.witness.is_none() && self.mode == Mode::Base {
            let mut witness = self.connect("witness")?;
            witness.say(self.tokens.witness().as_bytes())?;
            self.witness = Some(witness);
        }
        self.drain_witness();
        Ok(())
    }

    /// Keeps the witness from becoming a slow reader.
    fn drain_witness(&mut self) {
        while let Some(witness) = &mut self.witness
            && witness.pump(Duration::ZERO) == Pumped::Something
        {
            while let Ok(Next::Pair(_)) = witness.next(Duration::ZERO) {}
        }
    }

    /// Whether the witness, or under another relay policy the speaker, receives the token soon.
    fn is_heard(&mut self, token: &str, speaker: &mut Client) -> Result<bool, Fault> {
        let witness = self.witness.as_mut().expect("the witness is placed before anybody joins");
        let start = Instant::now();
        while start.elapsed() < REPEAT_PACE {
            witness.pump(LOOK_PACE);
            witness.check_form()?;
            if self.relay != Relay::Others || !witness.holds(token) {
                speaker.pump(Duration::ZERO);
            }
            if witness.holds(token) || (self.relay != Relay::Others && speaker.holds(token)) {
                return Ok(true);
            }
            if witness.end().is_some() {
                return Err(Fault::broken("the server closed a client that only listened"));
            }
            if speaker.end().is_some() {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// What became of a client that sent its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is in the room.
    In,
    /// Its connection was ended.
    Ended(End),
    /// It is connected, and nothing it says is relayed.
    Silent,
}

fn named_fence(fault: Fault, turn: usize) -> Fault {
    match fault {
        Fault::Broken { what, expected, got } => {
            let what = format!("{what} (at the closing fence of client {})", turn + 1);
            Fault::Broken { what, expected, got }
        }
        other => other,
    }
}

/// Between two tokens of a client that wants to be heard.
const REPEAT_PACE: Duration = Duration::from_millis(50);
