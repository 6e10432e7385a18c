//! A roller as the board knows it.

use super::{event::Presence, measure::Completions};
use crate::{
    board::error::SeatKey,
    ids::{BatchNumber, Round, ScrWei, UnixSeconds},
    law::{
        Params, Ratio,
        params::PEAK_EPOCHS,
        reputation::{self, EpochOffers, OfferOutcome},
    },
};
use alloc::collections::{BTreeSet, VecDeque};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Offers kept in a roller's history.
pub const HISTORY_MAX: usize = 32;

/// A registered roller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollerAccount {
    /// Hot key.
    pub signer: Address,
    /// Stake that counts, now.
    pub stake: ScrWei,
    /// Declared capacity.
    pub capacity: u32,
    /// Ready on L1.
    pub ready: bool,
    /// Is it there?
    pub presence: Presence,
    /// Until when it gets no offers after a drain.
    pub rests_until: UnixSeconds,
    /// Open seats: batch and round.
    pub seats: BTreeSet<(BatchNumber, Round)>,
    /// Reputation ratio.
    pub q: Ratio,
    /// Offers of the running epoch.
    pub offers: EpochOffers,
    /// Ended epochs with failures whose challenge time is not over, oldest first.
    pub past: VecDeque<PastEpoch>,
    /// Failures of the running and of those epochs that evidence can still cancel, with the epoch's number.
    pub failures: VecDeque<(u64, Offer)>,
    /// Epochs that ended since registration: the running epoch's number.
    pub epochs_ended: u64,
    /// How much of their time its proofs of the running epoch took.
    pub completions: Completions,
    /// Most proofs in work at once when it delivered on time: running epoch first, then earlier ones.
    pub peaks: VecDeque<u32>,
    /// The seat whose invalid proof L1 is to judge.
    pub accused: Option<SeatKey>,
    /// Totals since registration.
    pub record: Record,
    /// Its last offers, newest first, at most [`HISTORY_MAX`].
    pub history: VecDeque<Offer>,
}

/// An ended epoch whose failures have not counted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PastEpoch {
    /// Number, counted per roller.
    pub number: u64,
    /// When it ended.
    pub ended_at: UnixSeconds,
    /// Its offers, less what evidence cancelled.
    pub offers: EpochOffers,
}

impl PastEpoch {
    fn is_mature(&self, params: &Params, now: UnixSeconds) -> bool {
        self.ended_at.saturating_add(params.challenge_s) <= now
    }
}

/// Totals of a roller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Hits that counted as offers.
    pub offers: u64,
    /// Seats delivered on time.
    pub on_time: u64,
    /// Seats delivered late.
    pub late: u64,
    /// Seats not delivered.
    pub missed: u64,
    /// Seats with an invalid proof.
    pub invalid: u64,
    /// Hits without free capacity.
    pub declined: u64,
    /// Lotteries won and paid.
    pub won: u64,
    /// Paid in all.
    pub earned: ScrWei,
    /// Fined in all.
    pub fined: ScrWei,
}

/// One offer in a roller's history: the answer to "why was I penalised?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    /// Seat, or the round that would have given one.
    pub seat: SeatKey,
    /// How it ended.
    pub outcome: OfferOutcome,
    /// Its weight in parts of one.
    pub weight: u64,
    /// When it was counted.
    pub at: UnixSeconds,
}

impl RollerAccount {
    pub(super) fn new(signer: Address, capacity: u32, q: Ratio) -> Self {
        Self {
            signer,
            stake: ScrWei::ZERO,
            capacity,
            ready: false,
            presence: Presence::Lost,
            rests_until: 0,
            seats: BTreeSet::new(),
            q,
            offers: EpochOffers::default(),
            past: VecDeque::new(),
            failures: VecDeque::new(),
            epochs_ended: 0,
            completions: Completions::default(),
            peaks: VecDeque::from([0]),
            accused: None,
            record: Record::default(),
            history: VecDeque::new(),
        }
    }

    /// Most proofs in work at once when it delivered on time, over the counted epochs.
    pub fn peak(&self) -> u32 {
        self.peaks.iter().copied().max().unwrap_or(0)
    }

    /// Has it a place in the next snapshot?
    pub fn is_leaf(&self, params: &Params) -> bool {
        self.ready && self.stake >= params.stake_min
    }

    /// Is it connected, drained or not?
    pub(super) fn is_heard(&self) -> bool {
        self.presence != Presence::Lost
    }

    /// Could it take a seat now, capacity and rest apart?
    pub(super) fn is_present(&self, params: &Params) -> bool {
        self.is_leaf(params) && self.presence == Presence::Alive && self.accused.is_none()
    }

    pub(super) fn note_concurrency(&mut self, in_work: u32) {
        if let Some(peak) = self.peaks.front_mut() {
            *peak = in_work.max(*peak);
        }
    }

    pub(super) fn count(&mut self, offer: Offer) {
        self.offers.count(offer.outcome, offer.weight);
        self.record.offers += 1;
        *self.total_mut(offer.outcome) += 1;
        if matches!(
            offer.outcome,
            OfferOutcome::Late | OfferOutcome::Missed | OfferOutcome::Invalid
        ) {
            self.failures.push_back((self.epochs_ended, offer));
        }
        self.history.push_front(offer);
        self.history.truncate(HISTORY_MAX);
    }

    /// Evidence on L1 shows that the offer of `seat`, if it ended in one of these ways, never was one. False when there is none
    /// whose penalty has not counted yet.
    pub(super) fn cancel(&mut self, seat: SeatKey, outcomes: &[OfferOutcome]) -> bool {
        let found = self
            .failures
            .iter()
            .position(|(_, offer)| offer.seat == seat && outcomes.contains(&offer.outcome));
        let Some((number, offer)) = found.and_then(|at| self.failures.remove(at)) else {
            return false;
        };
        let offers = if number == self.epochs_ended {
            Some(&mut self.offers)
        } else {
            let mut past = self.past.iter_mut();
            past.find(|past| past.number == number)
                .map(|past| &mut past.offers)
        };
        if let Some(offers) = offers {
            offers.take_back(offer.outcome, offer.weight);
        }
        self.record.offers -= 1;
        *self.total_mut(offer.outcome) -= 1;
        self.history.retain(|kept| *kept != offer);
        true
    }

    /// q after the running epoch, if it ends now.
    pub(super) fn next_q(&self, params: &Params, now: UnixSeconds, elapsed_s: u64) -> Ratio {
        let past = self.past.iter().filter(|past| past.is_mature(params, now));
        let running = Some(&self.offers).filter(|_| params.challenge_s == 0);
        let matured = past.map(|past| &past.offers).chain(running);
        reputation::after_epoch(params, self.q, &self.offers, matured, elapsed_s)
    }

    /// Ends the running epoch with [`Self::next_q`].
    pub(super) fn end_epoch(&mut self, params: &Params, q: Ratio, now: UnixSeconds) {
        self.q = q;
        if self.offers.has_failures() {
            self.past.push_back(PastEpoch {
                number: self.epochs_ended,
                ended_at: now,
                offers: self.offers,
            });
        }
        while let Some(past) = self.past.pop_front_if(|past| past.is_mature(params, now)) {
            self.failures.retain(|(number, _)| *number > past.number);
        }
        self.offers = EpochOffers::default();
        self.completions = Completions::default();
        self.epochs_ended += 1;
        self.peaks.push_front(0);
        self.peaks.truncate(PEAK_EPOCHS);
    }

    fn total_mut(&mut self, outcome: OfferOutcome) -> &mut u64 {
        match outcome {
            OfferOutcome::OnTime => &mut self.record.on_time,
            OfferOutcome::Late => &mut self.record.late,
            OfferOutcome::Missed => &mut self.record.missed,
            OfferOutcome::Invalid => &mut self.record.invalid,
            OfferOutcome::Declined => &mut self.record.declined,
        }
    }
}
