//! Rollers in league with the operator of the rollup: what it does with the submissions of others, and what that costs its bond.
//!
//! What the bond loses is counted as a fine of the rollers in league, half of it as income of the damaged roller. The bond is always
//! topped up; what a roller pays L1 for posting a submission is not counted. Whoever is called full in draws has that capacity on the
//! board, but for the end of an epoch; whoever is not told of a seat misses it.

use super::{LawMarket, favours::Favoured, rollers::digest_of};
use crate::{
    fleet::Operator,
    strategy::{Intake, Submission},
};
use rollmill_protocol::{
    BatchNumber, ProofDigest, ScrWei,
    board::{Event, SeatKey, Verdict},
    law::{bond, fine::fine_full, reward::reward},
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The operator of the rollup and its wrongs that are not settled yet.
#[derive(Debug, Default)]
pub(super) struct Collusion {
    /// The worker that decides; none where the operator of the rollup is honest.
    operator: Option<usize>,
    unproved: HashSet<ProofDigest>,
    refused: BTreeMap<BatchNumber, Vec<SeatKey>>,
    favoured: BTreeMap<BatchNumber, Favoured>,
    accused: BTreeSet<SeatKey>,
    /// Seats from which on others are called full.
    full_at: Option<u32>,
}

impl Collusion {
    pub(super) fn of(operators: &[Operator]) -> Self {
        Self {
            operator: operators
                .iter()
                .position(|operator| operator.strategy.has_operator()),
            full_at: operators
                .iter()
                .find_map(|operator| operator.strategy.calls_full()),
            ..Self::default()
        }
    }

    pub(super) fn enter_unproved(&mut self, digest: ProofDigest) {
        self.unproved.insert(digest);
    }

    /// Is this entry's digest that of no proof?
    pub(super) fn is_unproved(&self, digest: ProofDigest) -> bool {
        self.unproved.contains(&digest)
    }

    pub(super) fn favour(&mut self, batch: BatchNumber, favoured: Favoured) {
        self.favoured.insert(batch, favoured);
    }

    /// Whoever answers for the entries of a batch, if they are not the board's.
    pub(super) fn take_favoured(&mut self, batch: BatchNumber) -> Option<(usize, Favoured)> {
        self.operator.zip(self.favoured.remove(&batch))
    }

    /// Was the roller of this seat accused although its proof is valid?
    pub(super) fn acquit(&mut self, seat: &SeatKey) -> Option<usize> {
        self.accused.remove(seat).then_some(self.operator)?
    }
}

impl LawMarket<'_> {
    /// The capacity with which the operator of the rollup lets a roller take part in draws.
    pub(super) fn admitted(&self, worker: usize, declared: u32) -> u32 {
        let is_own = self.workers[worker].operator.strategy.has_operator();
        let full_at = self.collusion.full_at.filter(|_| !is_own);
        full_at.map_or(declared, |seats| declared.min(seats))
    }

    /// Ends the epoch. Its dials and its snapshot follow what rollers have declared on L1, whatever is said of them in draws.
    pub(super) fn end_epoch(&mut self) {
        let full_at = self.collusion.full_at.take();
        if full_at.is_some() {
            self.declare();
        }
        let _ = self.apply(Event::EpochEnded);
        if full_at.is_some() {
            self.collusion.full_at = full_at;
            self.declare();
        }
    }

    /// Does the operator of the rollup keep a roller from knowing of its seat?
    pub(super) fn is_hidden(&self, worker: usize, seat: &SeatKey) -> bool {
        let is_own = |worker: usize| self.workers[worker].operator.strategy.has_operator();
        let Some(operator) = self.collusion.operator.filter(|_| !is_own(worker)) else {
            return false;
        };
        let seats = self.board.task_by_id(seat.task).into_iter();
        let of_round = seats
            .flat_map(|task| &task.seats)
            .filter(|((round, roller), _)| {
                *round == seat.round && is_own(self.names[self.name_of[roller]].worker)
            });
        let own_tickets = of_round.map(|(_, seat)| seat.tickets).sum();
        let view = self.view(operator);
        let strategy = &self.workers[operator].operator.strategy;
        !strategy.tells(own_tickets, &view)
    }

    /// What the operator of the rollup does with a valid submission.
    pub(super) fn intake(&mut self, seat: &SeatKey) -> Intake {
        let is_own = |worker: usize| self.workers[worker].operator.strategy.has_operator();
        let worker_of = |roller| self.names[self.name_of[roller]].worker;
        let Some(operator) = self.collusion.operator else {
            return Intake::Take;
        };
        if self.board.check_submission(seat, self.now_s()).is_err() {
            return Intake::Take;
        }
        let Some(task) = self.board.task_by_id(seat.task) else {
            return Intake::Take;
        };
        let own = task.seats.iter().filter(|((_, r), _)| is_own(worker_of(r)));
        let own_tickets = own.map(|(_, seat)| seat.tickets).sum();
        let drawn = task.seats.get(&(seat.round, seat.roller));
        let submission = Submission {
            is_own: is_own(worker_of(&seat.roller)),
            tickets: drawn.map_or(0, |seat| seat.tickets),
            own_tickets,
        };
        self.workers[operator].operator.strategy.intake(&submission)
    }

    /// No receipt. The roller posts the submission on L1, where that exists.
    pub(super) fn refuse(&mut self, seat: SeatKey) {
        if let Some(task) = self.board.task_by_id(seat.task) {
            let batch = task.batch;
            self.collusion.refused.entry(batch).or_default().push(seat);
        }
    }

    /// A false verdict and an accusation, unless the operator's bond covers no further one: then the submission is just refused.
    pub(super) fn accuse(&mut self, seat: SeatKey) {
        let Some(task) = self.board.task_by_id(seat.task) else {
            return;
        };
        let (price, gas) = (task.unit_price, task.prover_gas_estimate);
        let window = self.board.controls().window;
        let rewards = reward(price, task.k * window, gas).unwrap_or(ScrWei::ZERO);
        let bond = bond::required(rewards, window, fine_full(&self.params, price, gas));
        let cost = ScrWei((self.world.l1.accusation_bond_scr * 1e18) as u128);
        if self.collusion.accused.len() as u128 >= bond::accusations_max(bond, cost) {
            return self.refuse(seat);
        }
        self.collusion.accused.insert(seat);
        let reason = "a lie".into();
        self.submit_seat(seat, digest_of(&seat), Verdict::Invalid { reason });
    }

    /// Brings the proof of a seat for which garbage was signed. L1 and board know the rejected bytes.
    pub(super) fn defend(&mut self, seat: &SeatKey) {
        let Some(task) = self.board.task_by_id(seat.task) else {
            return;
        };
        let defence = Event::SubmissionJudged {
            batch: task.batch,
            round: seat.round,
            roller: seat.roller,
            proof_digest: digest_of(seat),
            valid: true,
            fine: ScrWei::ZERO,
        };
        let _ = self.apply(defence);
    }

    /// When a batch has settled: evidence for every submission that was refused.
    pub(super) fn charge_refused(&mut self, batch: BatchNumber, amount: ScrWei, fine: ScrWei) {
        let refused = self.collusion.refused.remove(&batch).unwrap_or_default();
        let Some(operator) = self.collusion.operator.filter(|_| self.world.l1.posting) else {
            return;
        };
        let kind = bond::Evidence::DroppedSubmission;
        let loss = bond::loss(kind, ScrWei(u128::MAX), amount, fine);
        for seat in refused {
            let scr = |wei: ScrWei| wei.0 as f64 / 1e18;
            let damaged = self.names[self.name_of[&seat.roller]].worker;
            self.recorder.fined(
                operator,
                scr(loss.to_roller) + scr(loss.burned),
                self.now_ms,
            );
            self.recorder
                .income(damaged, scr(loss.to_roller), self.now_ms);
            // Taken back only while its penalty has not counted.
            let _ = self.apply(Event::OperatorCharged {
                batch,
                roller: seat.roller,
            });
        }
    }
}
