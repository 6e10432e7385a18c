//! Who is paid.
//!
//! `winner = ticket uint256(H("rollmill.lottery.v1", task, entries hash, beacon)) mod tickets`, counted through the entries
//! in order of rollers. The entries were final on L1 before the beacon existed, so nobody can choose the winner; speed has no part
//! in it, so a fast prover cannot take the others' share and they need not race [first proof wins]. The bias of `mod` is
//! below 2^-190.

use crate::{
    entries::{EntriesError, Entry, entries_hash, validate_entries},
    ids::{ScrWei, TaskId},
    words::{Words, tag},
};
use alloy_primitives::{B256, U256};

const LOTTERY_TAG: B256 = tag("rollmill.lottery.v1");

/// Most rewards under one lottery beacon (`BeaconCapWei`), unless the governor of a network says otherwise; a single batch may pay more.
///
/// Nobody gains by skipping a block while its own share of what the beacon decides on is worth less than the block. So that it
/// never is: 66 ordinary batches at the first price, more than L1 settles in a block, and still the fullest one (30 M prover gas) at
/// the highest price and k. It takes SCR worth 1/200 of an L1 block's reward before whoever holds all tickets gains by skipping.
pub const BEACON_CAP: ScrWei = ScrWei::from_scr(200);

/// Why there is no winner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LotteryError {
    /// Nobody takes part.
    #[error("there are no entries")]
    Empty,
    /// The entries are malformed.
    #[error(transparent)]
    Entries(#[from] EntriesError),
}

/// Number of the winning ticket among `tickets` (> 0).
fn winning_ticket(task: TaskId, entries_hash: B256, beacon: B256, tickets: u64) -> u64 {
    let hash = Words::tagged(LOTTERY_TAG)
        .bytes32(task)
        .bytes32(entries_hash)
        .bytes32(beacon)
        .hash();
    (U256::from_be_bytes(hash.0) % U256::from(tickets)).to::<u64>()
}

/// The winning entry.
pub fn winner(task: TaskId, entries: &[Entry], beacon: B256) -> Result<Entry, LotteryError> {
    let tickets = validate_entries(entries)?;
    if tickets == 0 {
        return Err(LotteryError::Empty);
    }
    let mut ticket = winning_ticket(task, entries_hash(entries), beacon, tickets);
    for entry in entries {
        if ticket < u64::from(entry.tickets) {
            return Ok(*entry);
        }
        ticket -= u64::from(entry.tickets);
    }
    unreachable!("the ticket is below the sum of tickets")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        ids::ProofDigest,
        law::{Params, reward::reward},
    };
    use alloc::collections::BTreeMap;
    use alloy_primitives::Address;

    fn entry(roller: u8, tickets: u32) -> Entry {
        Entry {
            roller: Address::repeat_byte(roller),
            tickets,
            proof_digest: ProofDigest(B256::repeat_byte(roller)),
        }
    }

    #[test]
    fn every_ticket_has_the_same_chance() {
        let entries = [entry(1, 1), entry(2, 2), entry(3, 5)];
        let mut wins: BTreeMap<Address, u32> = BTreeMap::new();
        for i in 0..8_000u64 {
            let beacon = B256::from(U256::from(i));
            *wins
                .entry(winner(TaskId::default(), &entries, beacon).unwrap().roller)
                .or_default() += 1;
        }
        for entry in entries {
            let expected = 1_000 * i64::from(entry.tickets);
            let difference = i64::from(wins[&entry.roller]) - expected;
            // Five standard deviations of at most sqrt(8000 / 4) = 45.
            assert!(difference.abs() < 225, "{entry:?} won {difference} off");
        }
    }

    /// Whatever its dials are, the law's fullest batch (`BatchPolicy`) does not need a beacon of its own.
    #[test]
    fn the_cap_has_room_for_the_dearest_batch() {
        let control = Params::default().control;
        let dearest = reward(control.unit_price.1, control.k.1, 30_000_000).unwrap();
        assert_eq!(dearest, ScrWei::from_scr(150));
        assert!(dearest <= BEACON_CAP);
    }

    #[test]
    fn malformed_entries_have_no_winner() {
        assert_eq!(
            winner(TaskId::default(), &[], B256::ZERO),
            Err(LotteryError::Empty)
        );
        let twice = [entry(1, 1), entry(1, 1)];
        assert_eq!(
            winner(TaskId::default(), &twice, B256::ZERO),
            Err(LotteryError::Entries(EntriesError::Order(1)))
        );
    }
}
