//! An operator of the rollup that enters its own rollers with more tickets than they drew, or nobody beside them.
//!
//! L1 draws the winner among the entries that it was given. What can be shown to it afterwards follows from the draw that is posted with them:
//! an entry that has the tickets of no round ([`rounds::fits`]), and one that counts twice beside somebody who was in time and counts
//! once (`Draws.halvedEntry`). [`LawMarket::unpunished`] is the most that neither shows. Who is left out shows its receipt. The board keeps
//! its own entries.

use super::LawMarket;
use rollmill_protocol::{
    BatchNumber, Entry, Roller, ScrWei,
    board::{SeatKey, SeatState, Task},
    law::{bond, rounds},
};

/// Entries that are on L1 instead of the board's.
#[derive(Debug)]
pub(super) struct Favoured {
    entries: Vec<Entry>,
    /// Can it be shown?
    is_wrong: bool,
}

impl LawMarket<'_> {
    /// The entries that an operator in league with rollers puts on L1.
    pub(super) fn favour(&mut self, batch: BatchNumber, entries: &[Entry]) {
        if self.drops_others(batch, entries) {
            return;
        }
        let Some(task) = self.board.task_by_batch(batch) else {
            return;
        };
        let mut favoured = Favoured {
            entries: entries.to_vec(),
            is_wrong: false,
        };
        for entry in &mut favoured.entries {
            let worker = self.names[self.name_of[&entry.roller]].worker;
            let strategy = &self.workers[worker].operator.strategy;
            if !strategy.has_operator() {
                continue;
            }
            let (roller, drawn) = (entry.roller, entry.tickets);
            let unpunished = || self.unpunished(task, entries, roller).max(drawn);
            let entered = strategy.entered(drawn, &unpunished).max(1);
            favoured.is_wrong |=
                entered != drawn && self.is_shown(task, entries, (roller, entered));
            entry.tickets = entered;
        }
        if favoured.entries != entries {
            self.collusion.favour(batch, favoured);
        }
    }

    /// Leaves everybody but its own rollers out of the entries, if it is one that does.
    fn drops_others(&mut self, batch: BatchNumber, entries: &[Entry]) -> bool {
        let (own, others): (Vec<Entry>, Vec<Entry>) = entries
            .iter()
            .copied()
            .partition(|entry| self.is_droppers(&entry.roller));
        let Some(task) = self.board.task_by_batch(batch).filter(|_| !own.is_empty()) else {
            return false;
        };
        let dropped = others.iter().filter_map(|entry| task.seat_of_entry(entry));
        let dropped: Vec<SeatKey> = dropped.collect();
        dropped.into_iter().for_each(|seat| self.refuse(seat));
        let favoured = Favoured {
            entries: own,
            is_wrong: false,
        };
        self.collusion.favour(batch, favoured);
        true
    }

    fn is_droppers(&self, roller: &Roller) -> bool {
        let worker = self.names[self.name_of[roller]].worker;
        self.workers[worker].operator.strategy.drops_others()
    }

    /// Most tickets of a roller for which nothing can be shown: those of its best round, or twice as many.
    fn unpunished(&self, task: &Task, entries: &[Entry], roller: Roller) -> u32 {
        let divisor = self.params.late_divisor;
        let drawn = tickets(task, roller);
        let doubled = drawn.iter().map(|own| own.saturating_mul(divisor));
        let all = drawn.iter().copied().chain(doubled);
        let unshown = all.filter(|entered| !self.is_shown(task, entries, (roller, *entered)));
        unshown.max().unwrap_or(0)
    }

    /// Can somebody show on L1 that a roller did not draw so many tickets?
    fn is_shown(&self, task: &Task, entries: &[Entry], (roller, entered): (Roller, u32)) -> bool {
        let drawn = tickets(task, roller);
        let most = drawn.iter().copied().max().unwrap_or(0);
        !rounds::fits(self.params.late_divisor, &drawn, entered)
            || (entered > most && self.counts_somebody_once(task, entries))
    }

    /// Is somebody among the entries who has nothing to do with the operator, was in time by its verdict, and counts once?
    fn counts_somebody_once(&self, task: &Task, entries: &[Entry]) -> bool {
        task.seats.iter().any(|((_, roller), seat)| {
            let is_valid = matches!(seat.state, SeatState::OnTime | SeatState::Late);
            let is_in_time = seat
                .receipt
                .is_some_and(|receipt| receipt.received_at <= seat.deadline);
            let twice = seat.tickets.saturating_mul(self.params.late_divisor);
            let mut of_roller = entries.iter().filter(|entry| entry.roller == *roller);
            is_valid
                && is_in_time
                && !self.is_operators(roller)
                && of_roller.any(|entry| entry.tickets < twice)
        })
    }

    fn is_operators(&self, roller: &Roller) -> bool {
        let worker = self.names[self.name_of[roller]].worker;
        self.workers[worker].operator.strategy.has_operator()
    }

    /// The entries on L1, and what the operator pays for them if they are wrong.
    pub(super) fn entries_on_l1(
        &mut self,
        batch: BatchNumber,
        entries: &[Entry],
        (amount, fine): (ScrWei, ScrWei),
    ) -> Vec<Entry> {
        let Some((operator, favoured)) = self.collusion.take_favoured(batch) else {
            return entries.to_vec();
        };
        if favoured.is_wrong {
            // Nobody is damaged more than others: no half of it is anybody's.
            let loss = bond::loss(bond::Evidence::WrongDraw, ScrWei(u128::MAX), amount, fine);
            let scr = (loss.to_roller.0 + loss.burned.0) as f64 / 1e18;
            self.recorder.fined(operator, scr, self.now_ms);
        }
        favoured.entries
    }
}

/// Tickets that a roller drew in each round.
fn tickets(task: &Task, roller: Roller) -> Vec<u32> {
    let rounds = task.rounds.iter();
    let own = rounds.map(|round| round.draw.tickets().get(&roller).copied());
    own.map(Option::unwrap_or_default).collect()
}
