//! Evidence against the operator: where its draws on L1 are not what the law makes of beacon and snapshot, as values that L1 judges.
//!
//! L1 has of each batch the commit, the beacon, the snapshot's leaves, the posted rounds of the draw and the entries. So anybody can
//! draw again and compare ([`evidence`]), and what differs costs the operator's bond when it is shown to Draws ([`Evidence::call`]), with
//! the paths of the leaves that it is about. The published log is not needed. Receipts that rollers have kept show more; who passes
//! them in has checked that the operator signed them.
//!
//! | wrong | contract | damaged | rests on |
//! |---|---|---|---|
//! | entries without their draw | `unposted` | nobody in particular | L1 |
//! | an entry with tickets that its roller does not have | `wrongEntry` | the roller, if they are too few | L1 |
//! | an on-time entry that counts once beside one that counts twice | `halvedEntry` | the roller | its verdict |
//! | a point above the cap, or not | `wrongCap` | the roller, if it is not | L1 |
//! | an assignment with more tickets than hits | `wrongTickets` | nobody in particular | the assignment |
//! | an assignment that is not the posted seat | `otherSeat` | the roller | the assignment |
//! | passed over for a reason that L1 knows better | `notTrue` | the roller | L1 |
//! | passed over as silent, as draining | `notSilent`, `notDraining` | the roller | its heartbeats |
//! | passed over as full by seats that are too few, none, delivered, over | `tooFewSeats`, `notSeated`, `seatDelivered`, `seatOver` | the roller | L1; its submission |
//! | a lottery beacon that is lost | `Evidence.lostBeacon` | nobody in particular | L1 |
//!
//! Evidence is *certain* when it follows from what is here. The rest are questions ([`Evidence::is_certain`]): the registry, the court and
//! the parameters on L1 answer them, and the draws of an honest operator leave many of them.

mod find;
mod on_l1;

use alloy::sol_types::{SolStruct, SolValue};
use alloy_primitives::{Address, Bytes};
use rollmill_l1::{
    Call, Deployment,
    calls::{draws, evidence::lost_beacon, same},
    contracts::{
        Draws::{PassOver, PassOverReceipt, PostedDraw},
        Rollup::Entry,
    },
};
use rollmill_protocol::{BatchNumber, Roller, Round, TaskId};
use rollmill_roller_api::receipts::{
    AssignmentReceipt, HeartbeatReceipt, Signed, SubmissionReceipt, VerdictReceipt,
};

pub use find::evidence;

/// What L1 charges the operator with, and all that it wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Batch.
    pub batch: BatchNumber,
    /// Its task.
    pub task: TaskId,
    /// Who is damaged; zero for nobody in particular. L1 takes one charge for a task and a roller.
    pub roller: Roller,
    /// What is wrong.
    pub wrong: Wrong,
    /// The batch's posted rounds, and the paths of whom it is about in its snapshot; without either where it needs none.
    pub posted: PostedDraw,
}

/// What is wrong. Positions are those in lists on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The entries are on L1, and the draw is not.
    Unposted,
    /// The entry at a position does not follow from the draw.
    Entry {
        /// All entries of the batch.
        entries: Vec<Entry>,
        /// Which of them.
        position: usize,
    },
    /// The entry at a position counts twice, that of the verdict's roller once.
    HalvedEntry {
        /// Valid and on time.
        verdict: Signed<VerdictReceipt>,
        /// All entries of the batch.
        entries: Vec<Entry>,
        /// The one that counts twice.
        position: usize,
    },
    /// A point is not as posted above its roller's cap, or below it.
    Cap {
        /// Round.
        round: Round,
        /// Number of the point.
        point: u32,
    },
    /// More tickets than points hit the roller.
    Tickets(Signed<AssignmentReceipt>),
    /// Not the seat that was posted.
    OtherSeat(Signed<AssignmentReceipt>),
    /// Passed over as not ready, with too little stake or as accused.
    NotTrue(PassOverReceipt),
    /// Passed over as silent, and heard before.
    NotSilent(PassOverReceipt, Signed<HeartbeatReceipt>),
    /// Passed over as draining, and heard ready before and after.
    NotDraining(
        PassOverReceipt,
        Signed<HeartbeatReceipt>,
        Signed<HeartbeatReceipt>,
    ),
    /// Passed over as at capacity, by seats that did not bind it.
    NotFull(PassOverReceipt, NotFull),
    /// Settled unpaid, and nobody can store the lottery's beacon any more.
    LostBeacon,
}

/// What speaks against a roller's having been at capacity. Positions are those among the seats that the posted round names for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFull {
    /// Fewer seats than anybody may have.
    TooFew,
    /// A seat that its task's draw did not give.
    NotSeated {
        /// Which one.
        position: usize,
        /// The draw of its task.
        of_seat: PostedDraw,
    },
    /// A seat that had been delivered.
    Delivered {
        /// Which one.
        position: usize,
        /// That it was.
        submission: Signed<SubmissionReceipt>,
    },
    /// A seat of a batch that had settled, or was not committed.
    Over {
        /// Which one.
        position: usize,
    },
}

impl Evidence {
    /// Whether it holds whatever else L1 knows.
    pub fn is_certain(&self) -> bool {
        !matches!(
            self.wrong,
            Wrong::NotTrue(_)
                | Wrong::NotSilent(..)
                | Wrong::NotDraining(..)
                | Wrong::NotFull(_, NotFull::TooFew)
        )
    }

    /// The call that brings it before L1; anybody may send it.
    pub fn call(&self, deployment: &Deployment) -> Call {
        let (contract, batch) = (deployment.draws, self.batch);
        let posted = || self.posted.clone();
        match &self.wrong {
            Wrong::Unposted => draws::unposted(contract, batch),
            Wrong::LostBeacon => lost_beacon(deployment.evidence, batch),
            Wrong::Entry { entries, position } => {
                draws::wrong_entry(contract, batch, (entries, *position), posted())
            }
            Wrong::HalvedEntry {
                verdict,
                entries,
                position,
            } => {
                let entry = (&entries[..], *position);
                draws::halved_entry(contract, batch, bound(verdict), entry, posted())
            }
            Wrong::Cap { round, point } => {
                draws::wrong_cap(contract, batch, posted(), (*round, *point))
            }
            Wrong::Tickets(assignment) => {
                let paths = self.posted.paths.clone();
                draws::wrong_tickets(contract, batch, bound(assignment), paths)
            }
            Wrong::OtherSeat(assignment) => {
                draws::other_seat(contract, batch, bound(assignment), posted())
            }
            Wrong::NotTrue(p) => draws::not_true(contract, batch, self.passed_over(p)),
            Wrong::NotSilent(p, heard) => {
                draws::not_silent(contract, batch, self.passed_over(p), bound(heard))
            }
            Wrong::NotDraining(p, before, afterwards) => {
                let p = self.passed_over(p);
                draws::not_draining(contract, batch, p, bound(before), bound(afterwards))
            }
            Wrong::NotFull(p, why) => self.call_about_seats(contract, p, why),
        }
    }

    fn call_about_seats(&self, contract: Address, p: &PassOverReceipt, why: &NotFull) -> Call {
        let (batch, p) = (self.batch, self.passed_over(p));
        match why {
            NotFull::TooFew => draws::too_few_seats(contract, batch, p),
            NotFull::NotSeated { position, of_seat } => {
                draws::not_seated(contract, batch, (p, *position), of_seat.clone())
            }
            NotFull::Delivered {
                position,
                submission,
            } => draws::seat_delivered(contract, batch, (p, *position), bound(submission)),
            NotFull::Over { position } => draws::seat_over(contract, batch, (p, *position)),
        }
    }

    fn passed_over(&self, receipt: &PassOverReceipt) -> PassOver {
        draws::posted(receipt.clone(), self.posted.clone())
    }

    /// The same in words.
    pub fn in_words(&self) -> String {
        match &self.wrong {
            Wrong::Unposted => "there are entries without the draw that they come from".to_owned(),
            Wrong::Entry { entries, position } => {
                let entry = &entries[*position];
                let (roller, tickets) = (entry.roller, entry.tickets);
                format!("the entry of {roller} has {tickets} tickets, which the draw does not give")
            }
            Wrong::HalvedEntry {
                entries, position, ..
            } => {
                let double = entries[*position].roller;
                format!("the entry of {double} counts twice, that of an on-time proof does not")
            }
            Wrong::Cap { round, point } => {
                format!("point {point} of round {round} is on the other side of its roller's cap")
            }
            Wrong::Tickets(assignment) => {
                let a = &assignment.receipt;
                let (roller, tickets) = (a.roller, a.tickets);
                format!("{roller} was assigned {tickets} tickets, more than points hit it")
            }
            Wrong::OtherSeat(assignment) => {
                let round = assignment.receipt.round;
                format!("the seat that was assigned in round {round} is not the posted one")
            }
            Wrong::NotTrue(_) => "passed over for a reason that was not there".to_owned(),
            Wrong::NotSilent(..) => "passed over as silent though it was heard".to_owned(),
            Wrong::NotDraining(..) => "passed over as draining though it was ready".to_owned(),
            Wrong::NotFull(_, why) => format!("passed over as full by {}", why.in_words()),
            Wrong::LostBeacon => "the lottery's beacon was not stored in time".to_owned(),
        }
    }
}

impl NotFull {
    fn in_words(&self) -> &'static str {
        match self {
            Self::TooFew => "too few seats",
            Self::NotSeated { .. } => "a seat that it never had",
            Self::Delivered { .. } => "a seat that it had delivered",
            Self::Over { .. } => "a seat that was over",
        }
    }
}

/// A receipt as the contract's binding has it, with its signature.
fn bound<T: SolStruct, S: SolStruct + SolValue>(signed: &Signed<S>) -> (T, Bytes) {
    (same(&signed.receipt), signed.signature.clone())
}
