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
    /// Price of new batches over the first price.
    pub price: f64,
}

/// Of its time a careful roller plans to use this share.
const TIME_PLANNED: f64 = 0.85;

impl Means {
    /// Seats that a careful roller holds at once: each slot takes as many proofs one after the other as fit T, two at most.
    pub fn capacity(&self) -> u32 {
        self.slots * (self.in_a_row() as u32).clamp(1, 2)
    }

    /// Seats that all slots together can hold and still be on time.
    pub fn capacity_most(&self) -> u32 {
        (f64::from(self.slots) * self.in_a_row().max(1.0)) as u32
    }

    fn in_a_row(&self) -> f64 {
        self.time_limit_s * TIME_PLANNED / self.proof_s
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
    /// Has it come back under new names already?
    pub is_renamed: bool,
}

/// A valid submission, as an operator of the rollup sees it that is in league with rollers.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
    /// Is it of a roller in league with the operator?
    pub is_own: bool,
    /// Tickets of the submission's seat.
    pub tickets: u32,
    /// Tickets of the rollers in league with the operator in the same task.
    pub own_tickets: u32,
}

/// Batches that a strategy commits itself, as a user of the rollup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnBatches {
    /// How many for each batch of others.
    pub per_batch: f64,
    /// Prover gas of one, in ordinary batches.
    pub size: f64,
}

/// An L1 block of one's own, and what its prevrandao decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnBlock {
    /// Rewards that it brings, less the cost of proofs, SCR.
    pub worth_scr: f64,
    /// The same in the mean over all values that it could have.
    pub expected_scr: f64,
    /// What is lost with the block, SCR.
    pub reward_scr: f64,
}

/// What an operator of the rollup does with a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Verify it and give the receipt.
    Take,
    /// Give no receipt. The roller posts the submission on L1, and the bond pays.
    Refuse,
    /// Call it invalid and accuse its roller.
    Accuse,
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
    /// Prove, but submit something worthless; defend with the proof when accused.
    GarbageThenDefend,
    /// Have the operator of the rollup enter a digest of nothing; prove if it wins.
    EnterUnproved,
    /// Post a digest of nothing on L1, as if nobody took the submission.
    PostNothing,
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
    /// Unbond everything, and register the same stake under new names when it is free.
    Rename,
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

    /// Is the operator of the rollup in league with it? Then [`Self::intake`] is asked for all submissions.
    fn has_operator(&self) -> bool {
        false
    }

    /// What the operator of the rollup does with a valid submission.
    fn intake(&mut self, _submission: &Submission) -> Intake {
        Intake::Take
    }

    /// Tickets with which the operator of the rollup enters a roller in league with it that drew `drawn`; `unpunished` is the most for
    /// which nothing can be shown on L1.
    fn entered(&self, drawn: u32, _unpunished: &dyn Fn() -> u32) -> u32 {
        drawn
    }

    /// Does the operator of the rollup leave all others out of the entries where a roller in league with it is among them?
    fn drops_others(&self) -> bool {
        false
    }

    /// Open seats from which on the operator of the rollup calls whoever is not in league with it full; what is true without it.
    fn calls_full(&self) -> Option<u32> {
        None
    }

    /// Does the operator of the rollup tell a roller that is not in league with it of its seat? Those that are have `own_tickets` in the
    /// same round.
    fn tells(&self, _own_tickets: u32, _view: &View) -> bool {
        true
    }

    /// Batches that it commits itself, and pays for.
    fn own_batches(&self) -> Option<OwnBatches> {
        None
    }

    /// Share of L1's blocks that it proposes.
    fn proposes(&self) -> f64 {
        0.0
    }

    /// Does it publish a block of its own? Else the next proposer makes the block of that number, with another prevrandao.
    fn publishes(&mut self, _block: &OwnBlock) -> bool {
        true
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

/// Honest, and declares all that its machine can hold: not careful, and no sham either.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full;

impl Strategy for Full {
    fn name(&self) -> String {
        "honest, full".into()
    }

    fn names(&self, means: &Means) -> Vec<Name> {
        vec![Name {
            stake_share: 1.0,
            capacity: means.capacity_most(),
        }]
    }
}

/// Honest, and drains its machine for `minutes` of maintenance once a day.
#[derive(Clone, Copy, Debug)]
pub struct Maintained {
    /// Hour of the day at which it begins.
    pub at_h: f64,
    /// How long it takes.
    pub minutes: f64,
}

impl Strategy for Maintained {
    fn name(&self) -> String {
        "honest, with maintenance".into()
    }

    fn on_change(&mut self, view: &View) -> Option<Move> {
        let since_h = (view.hour - self.at_h).rem_euclid(24.0);
        let is_due = view.hour >= self.at_h && since_h < self.minutes / 60.0;
        Some(if is_due { Move::Drain } else { Move::Return })
    }
}
