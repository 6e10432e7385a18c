//! What a run came to: as a table for people, as JSON for machines.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::Address;
use serde::Serialize;

use super::{Kind, schedule::Tally};

/// Times in milliseconds, by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// How many were measured.
    pub samples: usize,
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of a hundred took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Percentiles {
    /// Of microseconds; `None` when there are none.
    pub fn of(mut micros: Vec<u64>) -> Option<Self> {
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let rank = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100).saturating_sub(1);
            micros[rank.min(last)] as f64 / 1_000.0
        };
        Some(Self {
            samples: micros.len(),
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            max: rank(100),
        })
    }
}

/// Blocks that hold transactions of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocks {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many hold some.
    pub count: usize,
    /// Most in one.
    pub transactions_max: usize,
}

/// The result of `rollmill load`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Form of this object.
    pub version: u32,
    /// What was sent.
    pub kind: Kind,
    /// Where.
    pub chain_id: u64,
    /// Accounts that sent.
    pub senders: u32,
    /// Transactions a second that were asked for; 0 is as many as possible.
    pub rate: u32,
    /// The ERC-20 that was deployed for it.
    pub token: Option<Address>,
    /// It was stopped before its end.
    pub interrupted: bool,
    /// From the begin to the last block with a transaction of the run.
    pub seconds: f64,
    /// Transactions sent, each counted once.
    pub submitted: u64,
    /// Acknowledged.
    pub accepted: u64,
    /// Refused for ever, by the node's reason.
    pub refused: BTreeMap<String, u64>,
    /// Answered with "not now", or not at all, and sent again, by reason.
    pub deferred: BTreeMap<String, u64>,
    /// Seen in blocks.
    pub included: u64,
    /// Included and failed; `null` where the node does not give a block's receipts.
    pub failed: Option<u64>,
    /// Acknowledged and in no block at the end.
    pub missing: u64,
    /// Senders that a refusal ended.
    pub stopped_senders: u64,
    /// Included over `seconds`.
    pub included_per_second: f64,
    /// From due to acknowledged.
    pub submit_ms: Option<Percentiles>,
    /// From due to seen in a block.
    pub inclusion_ms: Option<Percentiles>,
    /// From sent to receipt, by `eth_sendRawTransactionSync`, for transactions beside those that are counted above; `null` where
    /// the node does not have it.
    pub confirmation_ms: Option<Percentiles>,
    /// Where the transactions are.
    pub blocks: Option<Blocks>,
}

impl Report {
    /// Fills in what the tally says.
    pub fn count(&mut self, tally: Tally) {
        let Tally {
            submitted,
            accepted,
            included,
            refused,
            deferred,
            submit_us,
            inclusion_us,
            blocks,
            span,
        } = tally;
        self.seconds = span.map_or(0.0, |(begun, last)| (last - begun).as_secs_f64());
        self.included_per_second = if self.seconds > 0.0 {
            included as f64 / self.seconds
        } else {
            0.0
        };
        self.submit_ms = Percentiles::of(submit_us);
        self.inclusion_ms = Percentiles::of(inclusion_us);
        self.blocks =
            blocks
                .first_key_value()
                .zip(blocks.last_key_value())
                .map(|((first, _), (last, _))| Blocks {
                    first: *first,
                    last: *last,
                    count: blocks.len(),
                    transactions_max: blocks.values().map(Vec::len).max().unwrap_or_default(),
                });
        (self.submitted, self.accepted, self.included) = (submitted, accepted, included);
        (self.refused, self.deferred) = (refused, deferred);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("sent", self.submitted),
            ("accepted", self.accepted),
            ("included", self.included),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:24} {value:>10}")?;
        }
        for (name, value) in [("failed", self.failed), ("missing", Some(self.missing))] {
            if let Some(value) = value.filter(|value| *value > 0) {
                writeln!(f, "{name:24} {value:>10}")?;
            }
        }
        for (what, reasons) in [("refused", &self.refused), ("sent again", &self.deferred)] {
            for (reason, count) in reasons {
                writeln!(f, "{what:24} {count:>10}  {reason}")?;
            }
        }
        if let Some(blocks) = self.blocks {
            let Blocks {
                first,
                last,
                count,
                transactions_max,
            } = blocks;
            writeln!(
                f,
                "{:24} {count:>10}  {first} to {last}, at most {transactions_max} transactions",
                "blocks"
            )?;
        }
        let (rate, seconds) = (self.included_per_second, self.seconds);
        writeln!(
            f,
            "{:24} {rate:>10.1}  in {seconds:.1} s",
            "included per second"
        )?;
        writeln!(
            f,
            "{:24} {:>10} {:>10} {:>10} {:>10}",
            "milliseconds", "p50", "p90", "p99", "max"
        )?;
        let times = [
            ("acknowledged after", self.submit_ms),
            ("confirmed after (sample)", self.confirmation_ms),
            ("in a block after", self.inclusion_ms),
        ];
        for (name, times) in times {
            if let Some(Percentiles {
                p50, p90, p99, max, ..
            }) = times
            {
                writeln!(
                    f,
                    "{name:24} {p50:>10.1} {p90:>10.1} {p99:>10.1} {max:>10.1}"
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Percentiles;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(Percentiles::of(Vec::new()), None);
        let expected = Percentiles {
            samples: 200,
            p50: 100.0,
            p90: 180.0,
            p99: 198.0,
            max: 200.0,
        };
        let micros = (1..=200).rev().map(|value| value * 1_000);
        assert_eq!(Percentiles::of(micros.collect()), Some(expected));
        let one = Percentiles::of(vec![1_500]);
        assert_eq!(one.map(|one| (one.p50, one.p99)), Some((1.5, 1.5)));
    }
}
