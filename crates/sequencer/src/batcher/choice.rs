//! How many blocks make a batch, and when: pure arithmetic over what is known before execution.

use alloy_eips::Encodable2718;
use rollmill_engine::{StoredBlock, stf::Transaction};
use rollmill_protocol::{batch::BATCH_BLOCKS_MAX, prover_gas};

/// Windows full of batches that may be open: one is proved, and two wait, so that the law sees that tasks wait.
pub const OPEN_WINDOWS: u64 = 3;

/// When a batch is full. The first limit that is reached seals it; a single block over a limit is a batch of its own.
#[derive(Clone, Copy, Debug)]
pub struct BatchPolicy {
    /// Age of the oldest block, seconds.
    pub age_s_max: u64,
    /// Batch data before it is compressed, bytes. At 40 gas per byte, 16.78 M gas carry 400 KB.
    pub data_bytes_max: usize,
    /// Prover gas: estimated from what was counted for their transactions when blocks are chosen, and exact when the witness is built.
    pub prover_gas_max: u64,
    /// Blocks.
    pub blocks_max: usize,
    /// Sealed batches that are not settled yet; `None`: three times the dial WINDOW on L1.
    pub open_batches_max: Option<u64>,
}

impl Default for BatchPolicy {
    fn default() -> Self {
        Self {
            age_s_max: 30,
            data_bytes_max: 120_000,
            prover_gas_max: 30_000_000,
            blocks_max: 256,
            open_batches_max: None,
        }
    }
}

impl BatchPolicy {
    /// Whether as many batches are open as may be, when these were the last sealed and the last settled one, and `window` is the
    /// dial. More can be settled than are sealed here: what was taken back stands on L1 again.
    pub(super) fn is_window_full(&self, sealed: u64, settled: u64, window: u32) -> bool {
        let windows = OPEN_WINDOWS * u64::from(window);
        let most = self.open_batches_max.unwrap_or(windows);
        sealed.saturating_sub(settled) >= most
    }
}

/// What a transaction adds to a batch's data, at most: an L1 message nothing, because L1 has it.
pub(crate) fn data_bytes(transaction: &Transaction) -> usize {
    match transaction {
        Transaction::Ethereum(signed) => signed.encode_2718_len() + RLP_HEADER_BYTES_MAX,
        Transaction::L1Message(_) => 0,
    }
}

/// RLP's header of a string of less than 16 MiB.
const RLP_HEADER_BYTES_MAX: usize = 4;

/// A block that is in no batch yet, reduced to what the choice needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) timestamp: u64,
    data_bytes: usize,
    prover_gas: u64,
}

impl Candidate {
    /// The estimate leaves out the witness and the blocks' new nodes; the exact figure is checked when the witness is built.
    pub(super) fn of(block: &StoredBlock) -> Self {
        let data = block.transactions.iter().map(|tx| data_bytes(tx));
        let data_bytes = 64 + data.sum::<usize>();
        let of_transactions = block.prover_gas.iter().copied();
        Self {
            timestamp: block.header.timestamp,
            data_bytes,
            prover_gas: of_transactions.fold(prover_gas::PER_BLOCK, u64::saturating_add),
        }
    }
}

/// How many of the candidates, from the first on, make a batch now; 0 if it is too early.
pub(super) fn choose(
    policy: &BatchPolicy,
    candidates: &[Candidate],
    now_s: u64,
    demanded: bool,
) -> usize {
    let (mut bytes, mut gas, mut count) = (0usize, prover_gas::BASE, 0usize);
    let blocks_max = policy.blocks_max.min(BATCH_BLOCKS_MAX);
    let mut full = false;
    for candidate in candidates {
        bytes = bytes.saturating_add(candidate.data_bytes);
        gas = gas.saturating_add(candidate.prover_gas);
        full = bytes > policy.data_bytes_max || gas > policy.prover_gas_max || count == blocks_max;
        if full {
            break;
        }
        count += 1;
    }
    let oldest = candidates.first().map(|candidate| candidate.timestamp);
    let old = oldest.is_some_and(|oldest| now_s >= oldest.saturating_add(policy.age_s_max));
    if full || old || demanded {
        count.max(1).min(candidates.len())
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchPolicy, Candidate, choose};

    const POLICY: BatchPolicy = BatchPolicy {
        age_s_max: 30,
        data_bytes_max: 1_000,
        prover_gas_max: 1_000_000,
        blocks_max: 4,
        open_batches_max: Some(1),
    };

    fn blocks(count: usize, data_bytes: usize, prover_gas: u64) -> Vec<Candidate> {
        vec![
            Candidate {
                timestamp: 100,
                data_bytes,
                prover_gas
            };
            count
        ]
    }

    #[test]
    fn three_windows_of_batches_may_be_open_or_a_fixed_number() {
        let by_dial = BatchPolicy {
            open_batches_max: None,
            ..POLICY
        };
        let at = |sealed, settled| {
            (
                POLICY.is_window_full(sealed, settled, 2),
                by_dial.is_window_full(sealed, settled, 2),
            )
        };
        assert_eq!(at(4, 4), (false, false));
        assert_eq!(at(5, 4), (true, false));
        assert_eq!(at(9, 4), (true, false));
        assert_eq!(at(10, 4), (true, true));
        // L1 settled a batch that was taken back here.
        assert_eq!(at(3, 4), (false, false));
    }

    #[test]
    fn age_and_demand_seal_everything_that_fits() {
        assert_eq!(choose(&POLICY, &blocks(3, 10, 10), 129, false), 0);
        assert_eq!(choose(&POLICY, &blocks(3, 10, 10), 130, false), 3);
        assert_eq!(choose(&POLICY, &blocks(3, 10, 10), 100, true), 3);
        assert_eq!(choose(&POLICY, &[], 1_000, true), 0);
    }

    #[test]
    fn a_limit_seals_what_came_before_it() {
        assert_eq!(choose(&POLICY, &blocks(3, 400, 10), 100, false), 2);
        assert_eq!(choose(&POLICY, &blocks(3, 10, 400_000), 100, false), 2);
        assert_eq!(choose(&POLICY, &blocks(4, 10, 10), 100, false), 0);
        assert_eq!(choose(&POLICY, &blocks(5, 10, 10), 100, false), 4);
    }

    #[test]
    fn one_block_over_a_limit_is_a_batch_of_its_own() {
        assert_eq!(choose(&POLICY, &blocks(1, 4_000, 10), 100, false), 1);
    }
}
