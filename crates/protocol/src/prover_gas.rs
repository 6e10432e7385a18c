//! Prover gas: how much proving work a batch is.
//!
//! Deadlines, seats, fines and rewards follow proving work and not EVM gas, because the two differ by far on adversarial blocks. A
//! *schedule* turns counts, which the state transition measures identically on the host and in the guest, into one number. Schedule 1 is
//! linear: `sum(count * coefficient) + BASE`, in units of [`CELLS`] cells of the batch program's traces, about one of its instructions.
//! What it charges is measured: `cargo xtask calibrate` writes it, and docs/developer/prover-gas.md says how well it fits.

mod powers;
mod schedule;

pub use powers::power_products;
pub use schedule::{
    BASE, OPCODES, PER_BLOB_COEFFICIENT, PER_BLOCK, PER_CODE_WORD, PER_COPIED_WORD, PER_EVM_GAS,
    PER_EXPONENT_BIT, PER_INPUT_BYTE, PER_KECCAK_PERMUTATION, PER_MEMORY_WORD, PER_POWER_PRODUCT,
    PER_SIGNATURE, PER_TRANSACTION, PER_WITNESS_BYTE, PRECOMPILES,
};
use serde::{Deserialize, Serialize};

/// Proving work of a batch under a schedule.
pub type ProverGas = u64;

/// The schedule in force for new batches.
pub const SCHEDULE_ID: u32 = 1;

/// Cells of the proof's traces that one unit stands for.
pub const CELLS: u64 = 64;

/// The most prover gas that one unit of EVM gas can cause. What would cause more runs out of gas: a transaction that calls a precompile
/// which is dear to prove takes a higher gas limit than on L1, and pays no more gas for it.
pub const PER_EVM_GAS_MAX: u64 = 64;
const _: () = assert!(PER_EVM_GAS < PER_EVM_GAS_MAX);

/// The most prover gas that one transaction, or L1 message, may cause by what it runs, beyond its EVM gas; what would cause more runs
/// out of gas. Nobody can refuse a message, so the rules bound its proof. Room for a Groth16 verification: docs/developer/prover-gas.md.
pub const EXECUTION_MAX: ProverGas = 80_000_000;

/// The most prover gas that a transaction or L1 message of this gas limit may cause by what it runs, beyond its EVM gas.
pub const fn execution_max(gas_limit: u64) -> ProverGas {
    let by_gas = gas_limit.saturating_mul(PER_EVM_GAS_MAX - PER_EVM_GAS);
    if by_gas < EXECUTION_MAX {
        by_gas
    } else {
        EXECUTION_MAX
    }
}

/// The most prover gas that can be counted for a transaction of this gas limit, so many signatures (its own and its authorizations')
/// and so many bytes of input, saturating.
pub const fn transaction_max(gas_limit: u64, signatures: u64, input_bytes: u64) -> ProverGas {
    gas_limit
        .saturating_mul(PER_EVM_GAS)
        .saturating_add(execution_max(gas_limit))
        .saturating_add(signatures.saturating_mul(PER_SIGNATURE))
        .saturating_add(input_bytes.saturating_mul(PER_INPUT_BYTE))
        .saturating_add(PER_TRANSACTION)
}

/// What a precompile takes: `call + bytes * byte + gas * gas`, and a modular power its products ([`power_products`]) besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrecompileWork {
    /// Prover gas of each call.
    pub call: u32,
    /// Of each byte of its input.
    pub byte: u32,
    /// Of each unit of gas that it used, if it succeeded: where the length does not tell.
    pub gas: u32,
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
    /// Bytes of input of all transactions.
    pub input_bytes: u64,
    /// Bytes of the encoded witness.
    pub witness_bytes: u64,
    /// Words of 32 bytes of the witness's codes, each code's rounded up.
    pub code_words: u64,
    /// Keccak permutations of the state's new nodes and codes.
    pub keccak_permutations: u64,
    /// Prover gas of what ran, by opcode, by the length of what was hashed and copied, and by precompile.
    pub execution: u64,
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
            (self.input_bytes, PER_INPUT_BYTE),
            (self.witness_bytes, PER_WITNESS_BYTE),
            (self.code_words, PER_CODE_WORD),
            (self.keccak_permutations, PER_KECCAK_PERMUTATION),
            (self.execution, 1),
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
            input_bytes: self.input_bytes.checked_add(other.input_bytes)?,
            witness_bytes: self.witness_bytes.checked_add(other.witness_bytes)?,
            code_words: self.code_words.checked_add(other.code_words)?,
            keccak_permutations: self
                .keccak_permutations
                .checked_add(other.keccak_permutations)?,
            execution: self.execution.checked_add(other.execution)?,
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
    fn no_transaction_is_held_less_for_than_it_can_cause() {
        for gas in [0, 21_000, 16_777_216] {
            let most = WorkCounts {
                transactions: 1,
                signatures: 2,
                evm_gas: gas,
                input_bytes: 5,
                execution: execution_max(gas),
                ..WorkCounts::default()
            };
            assert_eq!(most.without_base(), Some(transaction_max(gas, 2, 5)));
        }
        assert_eq!(transaction_max(u64::MAX, 1, 1), u64::MAX);
        assert_eq!(transaction_max(0, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn what_runs_is_bounded_by_the_gas_limit_and_for_all_alike() {
        assert_eq!(execution_max(21_000), 63 * 21_000);
        assert!(execution_max(1_000_000) < EXECUTION_MAX);
        assert_eq!(execution_max(16_777_216), EXECUTION_MAX);
        assert_eq!(execution_max(u64::MAX), EXECUTION_MAX);
    }

    #[test]
    fn everything_that_runs_has_its_price() {
        let is_priced = |work: &PrecompileWork| work.call > 0 || work.byte > 0 || work.gas > 0;
        assert!(PRECOMPILES.iter().all(is_priced));
        const { assert!(PER_POWER_PRODUCT > 0) };
        // STOP to SIGNEXTEND, comparisons to CLZ, KECCAK256, environment, block, stack and memory, pushes, logs, calls.
        let ranges = [
            0x01..=0x0b,
            0x10..=0x1e,
            0x20..=0x20,
            0x30..=0x4a,
            0x50..=0xa4,
            0xf0..=0xf5,
        ];
        for opcode in ranges.into_iter().flatten() {
            assert!(OPCODES[opcode] > 0, "{opcode:#x}");
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
            input_bytes: 100,
            witness_bytes: 4_000,
            code_words: 30,
            keccak_permutations: 100,
            execution: 3_000,
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
