//! A roller as the board knows it.

use super::event::Presence;
use crate::{
    board::error::SeatKey,
    ids::{ScrWei, UnixSeconds},
    law::{
        Ratio,
        params::PEAK_EPOCHS,
        reputation::{EpochOffers, OfferOutcome},
    },
};
use alloc::collections::VecDeque;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Offers kept in a roller's history.
pub const HISTORY_MAX: usize = 32;

/// A registered roller.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Reputation ratio.
    pub q: Ratio,
    /// Offers of the running epoch.
    pub offers: EpochOffers,
    /// Most proofs in work at once when it delivered on time: running epoch first, then earlier ones.
    pub peaks: VecDeque<u32>,
    /// The seat whose invalid proof L1 is to judge.
    pub accused: Option<SeatKey>,
    /// Totals since registration.
    pub record: Record,
    /// Its last offers, newest first, at most [`HISTORY_MAX`].
    pub history: VecDeque<Offer>,
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
            q,
            offers: EpochOffers::default(),
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

    pub(super) fn note_concurrency(&mut self, in_work: u32) {
        if let Some(peak) = self.peaks.front_mut() {
            *peak = in_work.max(*peak);
        }
    }

    pub(super) fn count(&mut self, offer: Offer) {
        self.offers.count(offer.outcome, offer.weight);
        self.record.offers += 1;
        *self.total_mut(offer.outcome) += 1;
        self.history.push_front(offer);
        self.history.truncate(HISTORY_MAX);
    }

    /// L1 found the proof of `seat` valid: its offer never was.
    pub(super) fn overturn(&mut self, seat: SeatKey) {
        let counted = |offer: &Offer| offer.seat == seat && offer.outcome == OfferOutcome::Invalid;
        let Some(at) = self.history.iter().position(counted) else {
            return;
        };
        if let Some(offer) = self.history.remove(at) {
            self.offers.take_back(OfferOutcome::Invalid, offer.weight);
            self.record.offers -= 1;
            self.record.invalid -= 1;
        }
    }

    pub(super) fn end_epoch(&mut self, q: Ratio) {
        self.q = q;
        self.offers = EpochOffers::default();
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
