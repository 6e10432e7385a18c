//! Entries: who takes part in a task's lottery.
//!
//! An entry is a seat whose valid proof arrived in time. The list, sorted by roller, is hashed and posted on L1 once,
//! *before* the beacon that decides the lottery exists; nobody can add a ticket after seeing who wins. The proof's digest
//! is part of it, so only a proof that existed at closing time is ever paid.

use crate::{
    ids::{ProofDigest, Roller},
    words::Words,
};
use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

/// One participant of the lottery: Solidity's `Entry{address roller; uint32 tickets; bytes32 proofDigest}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Who is paid if one of these tickets wins.
    pub roller: Roller,
    /// Hits of the draw that landed on the roller; at least 1.
    pub tickets: u32,
    /// Digest of the proof that the roller submitted.
    pub proof_digest: ProofDigest,
}

/// Why a list of entries is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntriesError {
    /// Rollers must strictly ascend: sorted and each at most once.
    #[error("entry {0} is not in strictly ascending order of rollers")]
    Order(usize),
    /// An entry without a ticket has no meaning.
    #[error("entry {0} has no tickets")]
    NoTickets(usize),
}

/// Checks order and tickets; returns the number of tickets in all (0 for an empty list).
pub fn validate_entries(entries: &[Entry]) -> Result<u64, EntriesError> {
    let mut tickets = 0u64;
    for (i, entry) in entries.iter().enumerate() {
        if i > 0 && entries[i - 1].roller >= entry.roller {
            return Err(EntriesError::Order(i));
        }
        if entry.tickets == 0 {
            return Err(EntriesError::NoTickets(i));
        }
        // A list would need 2^32 entries of 2^32 - 1 tickets to overflow.
        tickets += u64::from(entry.tickets);
    }
    Ok(tickets)
}

/// `keccak256(abi.encode(Entry[]))`: offset, length, then three words each.
pub fn entries_hash(entries: &[Entry]) -> B256 {
    let head = Words::new().uint(32u64).uint256(U256::from(entries.len()));
    entries
        .iter()
        .fold(head, |words, entry| {
            words
                .address(entry.roller)
                .uint(entry.tickets)
                .bytes32(entry.proof_digest)
        })
        .hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    #[test]
    fn order_and_tickets_are_checked() {
        let entry = |roller: u8, tickets| Entry {
            roller: Address::repeat_byte(roller),
            tickets,
            proof_digest: ProofDigest::default(),
        };
        assert_eq!(validate_entries(&[]), Ok(0));
        assert_eq!(validate_entries(&[entry(1, 2), entry(2, 1)]), Ok(3));
        assert_eq!(
            validate_entries(&[entry(1, 2), entry(1, 1)]),
            Err(EntriesError::Order(1))
        );
        assert_eq!(
            validate_entries(&[entry(2, 2), entry(1, 1)]),
            Err(EntriesError::Order(1))
        );
        assert_eq!(
            validate_entries(&[entry(2, 0)]),
            Err(EntriesError::NoTickets(0))
        );
    }
}
