//! What a roller does: the interface of honest rollers and of attacks.
//!
//! An *operator* owns a machine and stake, and registers under one or more *names*. The simulator asks its strategy at the few points
//! where a roller decides anything. Every method has an honest default, so an attack says only where it deviates; see
//! `examples/my_attack.rs` for one in forty lines.

/// What an operator has.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// Proofs that its machine makes at once.
    pub slots: u32,
    /// Stake, SCR.
    pub stake_scr: f64,
    /// Seconds of a proof of an ordinary batch.
    pub proof_s: f64,
    /// T of an ordinary batch, seconds.
    pub time_limit_s: f64,
}

/// Of its time a careful roller plans to use this share.
const TIME_PLANNED: f64 = 0.85;

impl Means {
    /// Seats that can be held at once and still be on time: each slot takes as many proofs one after the other as fit T.
    pub fn capacity(&self) -> u32 {
        let in_a_row = (self.time_limit_s * TIME_PLANNED / self.proof_s).floor();
        self.slots * (in_a_row as u32).clamp(1, 2)
    }
}

/// A name under which an operator registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Name {
    /// Its share of the operator's stake.
    pub stake_share: f64,
    /// Capacity that it declares.
    pub capacity: u32,
}

/// A seat that was drawn for one of an operator's names.
#[derive(Clone, Copy, Debug)]
pub struct SeatOffer {
    /// Number of the name.
    pub name: usize,
    /// Estimated prover gas.
    pub gas: u64,
    /// Tickets.
    pub tickets: u32,
    /// T, seconds.
    pub time_limit_s: f64,
    /// Does the operator prove this very task under another name already?
    pub is_proved_elsewhere: bool,
}

/// What an operator sees.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Hours since the beginning.
    pub hour: f64,
    /// Its machine's slots.
    pub slots: u32,
    /// Proofs in work.
    pub busy: u32,
    /// Proofs that wait for a slot.
    pub waiting: u32,
    /// Price of new batches over the first price.
    pub price: f64,
    /// Seats that it has been given so far.
    pub seats: u64,
}

/// What is done with a seat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// Prove and submit.
    Prove,
    /// Prove, and submit when this share of T is over, if the proof is ready by then.
    ProveAndHold(f64),
    /// Prove and never submit.
    ProveAndWithhold,
    /// Submit something worthless at once.
    SubmitGarbage,
    /// Do nothing.
    Ignore,
}

/// A decision that is not about one seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Announce a drain for all names.
    Drain,
    /// Come back from it.
    Return,
}

/// What an operator does.
pub trait Strategy {
    /// For tables.
    fn name(&self) -> String;

    /// Names to register, and again at each epoch what they declare. Their number never changes; shares of stake add up to at
    /// most 1.
    fn names(&self, means: &Means) -> Vec<Name> {
        vec![Name {
            stake_share: 1.0,
            capacity: means.capacity(),
        }]
    }

    /// Cost of a proof of a task that is already proved under another name, as a share of a whole proof. The law binds
    /// the name into the trace, so that it is 1; an attack can pretend that it is less.
    fn relabel_cost(&self) -> f64 {
        1.0
    }

    /// What to do with a seat.
    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::Prove
    }

    /// Asked after every change of the machine's load, and every ten minutes.
    fn on_change(&mut self, _view: &View) -> Option<Move> {
        None
    }
}

/// Proves what it is drawn for, as fast as it can, under one name with its true capacity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Strategy for Honest {
    fn name(&self) -> String {
        "honest".into()
    }
}
