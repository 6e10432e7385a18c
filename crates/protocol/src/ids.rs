//! Identifiers and amounts: one type per meaning, so that the compiler keeps them apart.

use crate::words::{Words, tag};
use alloy_primitives::{Address, B256, keccak256};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A roller's identity: the address that called `register` on L1 (its owner), not its hot signer key.
pub type Roller = Address;

/// Number of a batch: 1 for the first after genesis, consecutive.
pub type BatchNumber = u64;

/// Round of a task's draw, from 0. A new round is drawn when a deadline passes without an entry.
pub type Round = u32;

/// Seconds since the Unix epoch.
pub type UnixSeconds = u64;

macro_rules! hash_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl From<$name> for B256 {
            fn from(value: $name) -> B256 {
                value.0
            }
        }

        impl From<B256> for $name {
            fn from(value: B256) -> $name {
                $name(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = <B256 as FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

hash_newtype! {
    /// Identity of a task. A sequence number in disguise: nothing in it can be ground.
    TaskId
}

hash_newtype! {
    /// What a proof is entered, judged and stored by: Keccak-256 of its commitment and the Keccak-256 of its body. It names the bytes; it
    /// never stands for their validity.
    ProofDigest
}

hash_newtype! {
    /// Commitment to a valid proof that another proof can compute, where [`ProofDigest`] would mean to hash all its bytes: what the
    /// verifier's transcript ends in, which nobody knows before the whole proof exists. Its form is the proof system's. A proof's bytes
    /// begin with it, and the body follows.
    ProofCommitment
}

const TASK_TAG: B256 = tag("rollmill.task.v1");

impl TaskId {
    /// `H("rollmill.task.v1", l1_chain_id, rollup, batch)`.
    pub fn of_batch(l1_chain_id: u64, rollup: Address, batch: BatchNumber) -> Self {
        Self(
            Words::tagged(TASK_TAG)
                .uint(l1_chain_id)
                .address(rollup)
                .uint(batch)
                .hash(),
        )
    }
}

impl ProofDigest {
    /// The digest of a proof's bytes. Fewer than 32 count as if zeros followed.
    pub fn of(proof: &[u8]) -> Self {
        Self::of_parts(ProofCommitment::of(proof), Self::body_hash(proof))
    }

    /// Keccak-256 of what follows the commitment.
    pub fn body_hash(proof: &[u8]) -> B256 {
        keccak256(proof.get(B256::len_bytes()..).unwrap_or_default())
    }

    /// The same, of a proof of which only the hash of the body is known.
    pub fn of_parts(commitment: ProofCommitment, body_hash: B256) -> Self {
        Self(Words::new().bytes32(commitment).bytes32(body_hash).hash())
    }
}

impl ProofCommitment {
    /// What a proof's bytes begin with. The verifier looks whether it is the proof's.
    pub fn of(proof: &[u8]) -> Self {
        let given = proof.len().min(B256::len_bytes());
        Self(B256::right_padding_from(&proof[..given]))
    }
}

/// An amount of SCR in its smallest unit (10^-18 SCR).
///
/// In JSON it is a decimal string, because JavaScript's numbers lose integers above 2^53; in binary formats a `u128`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScrWei(pub u128);

impl ScrWei {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// One SCR.
    pub const ONE_SCR: Self = Self(1_000_000_000_000_000_000);

    /// `whole` SCR.
    pub const fn from_scr(whole: u64) -> Self {
        // u64::MAX * 10^18 < 2^124, so this cannot overflow.
        Self(whole as u128 * Self::ONE_SCR.0)
    }

    /// Sum, `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for ScrWei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ScrWei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.0)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ScrWei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = alloc::string::String::deserialize(deserializer)?;
            text.parse().map(Self).map_err(serde::de::Error::custom)
        } else {
            u128::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tasks_differ_by_chain_rollup_and_batch() {
        let rollup = Address::repeat_byte(1);
        let id = TaskId::of_batch(1, rollup, 1);
        assert_ne!(id, TaskId::of_batch(2, rollup, 1));
        assert_ne!(id, TaskId::of_batch(1, Address::repeat_byte(2), 1));
        assert_ne!(id, TaskId::of_batch(1, rollup, 2));
        assert_eq!(id, alloc::format!("{id}").parse().unwrap());
    }

    #[test]
    fn amounts_survive_json_above_2_pow_53() {
        let amount = ScrWei(u128::MAX);
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, alloc::format!("\"{}\"", u128::MAX));
        assert_eq!(serde_json::from_str::<ScrWei>(&json).unwrap(), amount);
    }
}
