//! L2 as a node has it: its height, how far L1 is behind it, what it charges, who asks for what.

use std::sync::atomic::Ordering::Relaxed;

use rollmill_engine::{Chain, Tag, rpc::Calls, stf::header::next_base_fee};
use rollmill_l1::units;
use rollmill_protocol::l2::{FEE_VAULT, PROVING_VAULT};
use rollmill_runtime::metrics::{Counter, Family, Gauge, Labels, Level, Registry, Sum, metric};

use super::{set, total};

/// What is read from the chain's file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChainState {
    /// Newest block, last one that is committed, last one that is settled.
    heights: [u64; 3],
    /// Times of the first block that is not committed, and of the first that is not settled.
    pending: [Option<u64>; 2],
    /// Base fee, price of data, price of proving; wei.
    prices: [f64; 3],
    /// Fees in the vaults: of gas and data, of proving; ether.
    vaults: [f64; 2],
}

impl ChainState {
    /// Reads it; blocks the thread.
    pub fn read(chain: &Chain) -> eyre::Result<Self> {
        let head = chain.head();
        let (safe, finalized) = (chain.tag(Tag::Safe)?, chain.tag(Tag::Finalized)?);
        let time_after = |number: u64| -> eyre::Result<Option<u64>> {
            let next = chain.header(number + 1)?;
            Ok(next.map(|header| header.timestamp))
        };
        let prices = chain.fee_prices_after(&head)?;
        let mut state = chain.view_at(&head)?;
        let mut balance = |address| -> eyre::Result<f64> {
            let account = state.account(address)?;
            Ok(account.map_or(0.0, |account| units(account.balance)))
        };
        Ok(Self {
            heights: [head.number, safe, finalized],
            pending: [time_after(safe)?, time_after(finalized)?],
            prices: [
                next_base_fee(&head) as f64,
                prices.data_wei as f64,
                prices.proving_wei as f64,
            ],
            vaults: [balance(FEE_VAULT)?, balance(PROVING_VAULT)?],
        })
    }

    /// Ages of the first block that is not committed, and of the first that is not settled, seconds; 0 if there is none.
    fn lags_s(&self, now_unix_s: u64) -> [u64; 2] {
        let age = |time: Option<u64>| time.map_or(0, |time| now_unix_s.saturating_sub(time));
        self.pending.map(age)
    }

    /// Age of the first block that is not settled, seconds.
    pub fn finality_lag_s(&self, now_unix_s: u64) -> u64 {
        let [_, finality] = self.lags_s(now_unix_s);
        finality
    }
}

/// The metrics.
#[derive(Debug)]
pub struct ChainMetrics {
    heights: Family<Labels<1>, Gauge>,
    lags: Family<Labels<1>, Gauge>,
    prices: Family<Labels<1>, Level>,
    vaults: Family<Labels<1>, Level>,
    requests: Family<Labels<2>, Counter>,
    busy: Family<Labels<1>, Sum>,
}

impl ChainMetrics {
    /// Registers them.
    pub fn new(registry: &mut Registry) -> Self {
        let help = "Number of the newest block of L2 (latest), of the last that is committed (safe), settled (finalized) on L1";
        let heights = metric(registry, ("height", "blocks"), help);
        let help =
            "Age of the first block that is not committed (safe), not settled (finalized) on L1";
        let lags = metric(registry, ("lag", "seconds"), help);
        let help =
            "What L2 charges for a unit of gas (base), of data gas (data), of prover gas (proving)";
        let prices = metric(registry, ("price", "wei"), help);
        let help = "Fees that wait on L2: for gas and data (fee), for proving (proving)";
        let vaults = metric(registry, ("vault", "ether"), help);
        let help = "JSON-RPC calls by method: answered with a result (ok), an error (error), or in a batch (batched)";
        let requests = metric(registry, ("rpc", "requests"), help);
        let help = "Time that answers to single JSON-RPC calls took, by method";
        let busy = metric(registry, ("rpc", "seconds"), help);
        Self {
            heights,
            lags,
            prices,
            vaults,
            requests,
            busy,
        }
    }

    /// Shows what was read.
    pub fn show(&self, state: &ChainState, now_unix_s: u64) {
        for (tag, height) in ["latest", "safe", "finalized"]
            .into_iter()
            .zip(state.heights)
        {
            set(&self.heights.get_or_create(&[("tag", tag)]), height);
        }
        let lags_s = state.lags_s(now_unix_s);
        for (tag, lag_s) in ["safe", "finalized"].into_iter().zip(lags_s) {
            set(&self.lags.get_or_create(&[("tag", tag)]), lag_s);
        }
        for (of, wei) in ["base", "data", "proving"].into_iter().zip(state.prices) {
            self.prices.get_or_create(&[("of", of)]).set(wei);
        }
        for (vault, ether) in ["fee", "proving"].into_iter().zip(state.vaults) {
            self.vaults.get_or_create(&[("vault", vault)]).set(ether);
        }
    }

    /// Shows who asked for what.
    pub fn show_calls(&self, calls: &Calls) {
        for (method, count) in calls.iter() {
            for (outcome, number) in [
                ("ok", &count.answered),
                ("error", &count.failed),
                ("batched", &count.batched),
            ] {
                let labels = [("method", method), ("outcome", outcome)];
                total(&self.requests.get_or_create(&labels), number.load(Relaxed));
            }
            let busy = self.busy.get_or_create(&[("method", method)]);
            let seconds = count.busy_us.load(Relaxed) as f64 / 1e6;
            busy.inner().store(seconds.to_bits(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_the_age_of_the_first_block_that_waits() {
        let state = ChainState {
            pending: [None, Some(100)],
            ..ChainState::default()
        };
        assert_eq!(state.lags_s(130), [0, 30]);
        assert_eq!(state.finality_lag_s(130), 30);
        // A block of a clock that is ahead.
        assert_eq!(state.finality_lag_s(90), 0);
    }
}
