//! What rollers can do with somebody in league who has more to say: the operator of the rollup, a user, a proposer of L1.

use crate::strategy::{Intake, OwnBatches, OwnBlock, Plan, SeatOffer, Strategy, Submission, View};

/// Has the operator of the rollup enter digests of nothing and proves only what wins [L1 pays for the very digest of the entries].
#[derive(Clone, Copy, Debug, Default)]
pub struct AfterWinning;

impl Strategy for AfterWinning {
    fn name(&self) -> String {
        "prove after winning".into()
    }

    fn on_seat(&mut self, _seat: &SeatOffer, _view: &View) -> Plan {
        Plan::EnterUnproved
    }
}

/// The operator of the rollup gives no receipts where its own rollers have tickets, so that they win more often [posting on L1, bond].
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Strategy for Silence {
    fn name(&self) -> String {
        "operator's silence".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn intake(&mut self, submission: &Submission) -> Intake {
        if submission.own_tickets > 0 && !submission.is_own {
            Intake::Refuse
        } else {
            Intake::Take
        }
    }
}

/// The operator of the rollup gives receipts, and enters nobody beside its own rollers [a verdict receipt shows it, the bond pays 2 B].
#[derive(Clone, Copy, Debug, Default)]
pub struct Drops;

impl Strategy for Drops {
    fn name(&self) -> String {
        "operator's drops".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn drops_others(&self) -> bool {
        true
    }
}

/// The operator of the rollup accuses whoever submits a valid proof where its own rollers have tickets [a defence is the very bytes,
/// the accuser's bond, as many accusations as the operator's bond covers].
#[derive(Clone, Copy, Debug, Default)]
pub struct MassAccusation;

impl Strategy for MassAccusation {
    fn name(&self) -> String {
        "mass accusation".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn intake(&mut self, submission: &Submission) -> Intake {
        if submission.own_tickets > 0 && !submission.is_own {
            Intake::Accuse
        } else {
            Intake::Take
        }
    }
}

/// The operator of the rollup gives its own rollers no receipts either, so that its bond pays them [half of every loss is burned].
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnVictim;

impl Strategy for OwnVictim {
    fn name(&self) -> String {
        "operator as its own victim".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn intake(&mut self, submission: &Submission) -> Intake {
        if submission.is_own {
            Intake::Refuse
        } else {
            Intake::Take
        }
    }
}

/// The operator of the rollup enters its own rollers with more tickets than they drew [evidence of a wrong draw].
#[derive(Clone, Copy, Debug)]
pub struct Favouring {
    /// So many times their tickets; as many as nothing follows from without it.
    pub factor: Option<u32>,
}

impl Strategy for Favouring {
    fn name(&self) -> String {
        match self.factor {
            Some(factor) => format!("favouring ({factor} times the tickets)"),
            None => "favouring (unpunished)".into(),
        }
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn entered(&self, drawn: u32, unpunished: &dyn Fn() -> u32) -> u32 {
        match self.factor {
            Some(factor) => drawn.saturating_mul(factor),
            None => unpunished(),
        }
    }
}

/// The operator of the rollup passes over as at capacity whoever else holds two seats: L1 knows what a roller declared, and not what it has
/// shown [not closed].
#[derive(Clone, Copy, Debug, Default)]
pub struct FalselyFull;

/// Seats that whoever is called full has to hold (`Draws.tooFewSeats`).
const SEATS_LEAST: u32 = 2;

impl Strategy for FalselyFull {
    fn name(&self) -> String {
        "favouring (falsely full)".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn calls_full(&self) -> Option<u32> {
        Some(SEATS_LEAST)
    }
}

/// While its own roller can begin at once, the operator of the rollup tells nobody else of a round in which that is, and of none at all as long as it
/// has nothing to do: without an assignment nobody can show on L1 that it was kept from its seat [not closed].
#[derive(Clone, Copy, Debug, Default)]
pub struct HiddenRounds;

impl Strategy for HiddenRounds {
    fn name(&self) -> String {
        "hidden rounds".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn tells(&self, own_tickets: u32, view: &View) -> bool {
        view.waiting > 0 || (own_tickets == 0 && view.busy > 0)
    }
}

/// A user commits heavy batches of its own, pays for them, and has rollers that prove them [a fixed pot per epoch].
#[derive(Clone, Copy, Debug, Default)]
pub struct Stuffing;

/// One heavy batch for every ten of others.
const STUFFED: OwnBatches = OwnBatches {
    per_batch: 0.1,
    size: 3.0,
};

impl Strategy for Stuffing {
    fn name(&self) -> String {
        "stuffing".into()
    }

    fn own_batches(&self) -> Option<OwnBatches> {
        Some(STUFFED)
    }
}

/// The operator of the rollup does the same, at a price that is its own word [rewards come from these fees, a fixed pot per epoch].
#[derive(Clone, Copy, Debug, Default)]
pub struct WashProving;

impl Strategy for WashProving {
    fn name(&self) -> String {
        "wash proving".into()
    }

    fn has_operator(&self) -> bool {
        true
    }

    fn own_batches(&self) -> Option<OwnBatches> {
        Some(STUFFED)
    }
}

/// Proposes a third of L1's blocks and skips those whose prevrandao it dislikes by more than the block is worth [rewards under one
/// beacon are capped].
#[derive(Clone, Copy, Debug, Default)]
pub struct Grinding;

impl Strategy for Grinding {
    fn name(&self) -> String {
        "beacon grinding".into()
    }

    fn proposes(&self) -> f64 {
        0.3
    }

    fn publishes(&mut self, block: &OwnBlock) -> bool {
        block.expected_scr - block.worth_scr <= block.reward_scr
    }
}
