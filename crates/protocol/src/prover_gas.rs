//! Prover gas: how much proving work a batch is.
//!
//! Deadlines, seats, fines and rewards follow proving work and not EVM gas, because the two differ by a factor of up to
//! eight on adversarial blocks. A *schedule* turns counts, which the state transition measures identically on the host and in
//! the guest, into one number. Schedule 1 is linear: `sum(count * coefficient) + BASE`, in units of about one instruction of
//! the batch program. Its coefficients are first estimates; a calibrated schedule gets a new id, and old tasks keep theirs.

use serde::{Deserialize, Serialize};

/// Proving work of a batch under a schedule.
pub type ProverGas = u64;

/// The schedule in force for new batches.
pub const SCHEDULE_ID: u32 = 1;

/// Start-up of the program and the fixed part of a proof.
pub const BASE: u64 = 70_000;
/// Header, system calls and root of one block.
pub const PER_BLOCK: u64 = 20_000;
/// Decoding, account access and receipt of one transaction of either kind.
pub const PER_TRANSACTION: u64 = 10_000;
/// Recovery of one sender.
pub const PER_SIGNATURE: u64 = 25_000;
/// One unit of EVM gas used.
pub const PER_EVM_GAS: u64 = 1;
/// Reading and decoding one byte of witness.
pub const PER_WITNESS_BYTE: u64 = 20;
/// One Keccak permutation (136 bytes of input).
pub const PER_KECCAK_PERMUTATION: u64 = 500;
/// One unit of gas used inside a precompile, on top of [`PER_EVM_GAS`]: precompiles are the cheapest gas on L1 and the
/// dearest to prove.
pub const PER_PRECOMPILE_GAS: u64 = 20;
/// One coefficient of the polynomial that a blob's data is: 31 bytes, a product and a sum modulo 255 bits.
pub const PER_BLOB_COEFFICIENT: u64 = 2_000;

/// The most prover gas that one unit of EVM gas can cause: the gas itself, and either [`PER_PRECOMPILE_GAS`] or hashing. A `KECCAK256`
/// of n bytes takes 30 + 6 ceil(n / 32) gas and n / 136 + 1 permutations, which is less than 20 prover gas for each gas at every n.
pub const PER_EVM_GAS_MAX: u64 = PER_EVM_GAS + PER_PRECOMPILE_GAS;
const _: () = assert!(
    PER_KECCAK_PERMUTATION <= 30 * PER_PRECOMPILE_GAS
        && 32 * PER_KECCAK_PERMUTATION <= 6 * 136 * PER_PRECOMPILE_GAS
);

/// The most prover gas that can be counted for a transaction of this gas limit and so many signatures (its own and its
/// authorizations'), saturating.
pub const fn transaction_max(gas_limit: u64, signatures: u64) -> ProverGas {
    let signatures = signatures.saturating_mul(PER_SIGNATURE);
    gas_limit
        .saturating_mul(PER_EVM_GAS_MAX)
        .saturating_add(signatures)
        .saturating_add(PER_TRANSACTION)
}

/// Counts of a batch from which its prover gas follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkCounts {
    /// L2 blocks.
    pub blocks: u64,
    /// Transactions, L1 messages included.
    pub transactions: u64,
    /// Senders recovered from signatures (no L1 messages).
    pub signatures: u64,
    /// EVM gas used by all transactions.
    pub evm_gas: u64,
    /// Bytes of the encoded witness.
    pub witness_bytes: u64,
    /// Keccak permutations outside of the witness's own bytes (`KECCAK256` opcodes, state roots).
    pub keccak_permutations: u64,
    /// EVM gas used inside precompiles.
    pub precompile_gas: u64,
    /// Coefficients of the data's polynomial; zero when the data is calldata.
    pub blob_coefficients: u64,
}

impl WorkCounts {
    /// Prover gas under schedule 1; `None` when it exceeds 64 bits (no block can be that large).
    pub fn prover_gas(&self) -> Option<ProverGas> {
        self.without_base()?.checked_add(BASE)
    }

    /// The same without [`BASE`]: for a part of a batch.
    pub fn without_base(&self) -> Option<ProverGas> {
        [
            (self.blocks, PER_BLOCK),
            (self.transactions, PER_TRANSACTION),
            (self.signatures, PER_SIGNATURE),
            (self.evm_gas, PER_EVM_GAS),
            (self.witness_bytes, PER_WITNESS_BYTE),
            (self.keccak_permutations, PER_KECCAK_PERMUTATION),
            (self.precompile_gas, PER_PRECOMPILE_GAS),
            (self.blob_coefficients, PER_BLOB_COEFFICIENT),
        ]
        .into_iter()
        .try_fold(0u64, |sum, (count, price)| {
            sum.checked_add(count.checked_mul(price)?)
        })
    }

    /// Counts of two parts of one batch; `None` on overflow.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            blocks: self.blocks.checked_add(other.blocks)?,
            transactions: self.transactions.checked_add(other.transactions)?,
            signatures: self.signatures.checked_add(other.signatures)?,
            evm_gas: self.evm_gas.checked_add(other.evm_gas)?,
            witness_bytes: self.witness_bytes.checked_add(other.witness_bytes)?,
            keccak_permutations: self
                .keccak_permutations
                .checked_add(other.keccak_permutations)?,
            precompile_gas: self.precompile_gas.checked_add(other.precompile_gas)?,
            blob_coefficients: self
                .blob_coefficients
                .checked_add(other.blob_coefficients)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gas_causes_more_than_the_bound() {
        assert_eq!(transaction_max(21_000, 1), 21 * 21_000 + 25_000 + 10_000);
        assert_eq!(transaction_max(u64::MAX, u64::MAX), u64::MAX);
        // One hash of every length; 32 x 136 bytes more are 816 gas and 32 permutations, which the constants allow.
        for bytes in 0..=32 * 136u64 {
            let gas = 30 + 6 * bytes.div_ceil(32);
            let work = (bytes / 136 + 1) * PER_KECCAK_PERMUTATION;
            assert!(work <= gas * PER_PRECOMPILE_GAS, "{bytes}");
        }
    }

    #[test]
    fn the_schedule_is_linear_and_checked() {
        assert_eq!(WorkCounts::default().prover_gas(), Some(BASE));
        let one = WorkCounts {
            blocks: 1,
            transactions: 1,
            signatures: 1,
            evm_gas: 21_000,
            witness_bytes: 4_000,
            keccak_permutations: 100,
            precompile_gas: 3_000,
            blob_coefficients: 4,
        };
        let two = one.checked_add(&one).expect("small");
        let gas = |counts: &WorkCounts| counts.prover_gas().expect("small") - BASE;
        assert_eq!(gas(&two), 2 * gas(&one));
        assert_eq!(
            WorkCounts {
                evm_gas: u64::MAX,
                ..one
            }
            .prover_gas(),
            None
        );
    }
}
