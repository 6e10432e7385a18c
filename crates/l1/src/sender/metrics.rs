//! What a sender counts: how many transactions, what became of them, what they cost.

use alloy::{primitives::U256, rpc::types::TransactionReceipt};
use rollmill_runtime::metrics::{Counter, Family, Labels, Registry, Sum, add};

use super::Sender;
use crate::units;

/// Purposes by their first word; what is not among them counts as [`OTHER`].
const KINDS: [&str; 14] = [
    "beacon",
    "charge",
    "claim-late",
    "commit",
    "dials",
    "draws",
    "empty",
    "entries",
    "judge",
    "piece",
    "poke",
    "settle",
    "settle-unpaid",
    "snapshot",
];
/// Any other purpose.
const OTHER: &str = "other";

type ByKind = Family<Labels<1>, Counter>;

/// Counters of one sender.
#[derive(Clone, Debug, Default)]
pub(super) struct SenderMetrics {
    sent: ByKind,
    replaced: ByKind,
    failed: ByKind,
    gas: Counter,
    fees: Sum,
}

impl SenderMetrics {
    /// A purpose has its nonce and its first bytes.
    pub(super) fn sent(&self, purpose: &str) {
        self.sent.get_or_create(&kind(purpose)).inc();
    }

    /// Other bytes took the nonce: a higher fee, or another call.
    pub(super) fn replaced(&self, purpose: &str) {
        self.replaced.get_or_create(&kind(purpose)).inc();
    }

    /// It is in a block.
    pub(super) fn mined(&self, purpose: &str, receipt: &TransactionReceipt) {
        if !receipt.status() {
            self.failed.get_or_create(&kind(purpose)).inc();
        }
        self.gas.inc_by(receipt.gas_used);
        let of_gas = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        let blob_gas = U256::from(receipt.blob_gas_used.unwrap_or_default());
        let of_blobs = blob_gas * U256::from(receipt.blob_gas_price.unwrap_or_default());
        self.fees.inc_by(units(of_gas + of_blobs));
    }
}

impl Sender {
    /// Registers what this sender counts.
    pub fn register(&self, registry: &mut Registry) {
        let metrics = &self.0.metrics;
        let families = [
            (
                "l1_sent",
                "Transactions that were recorded and sent to L1",
                &metrics.sent,
            ),
            (
                "l1_replaced",
                "Times that a transaction to L1 was sent again with a higher fee, or another call",
                &metrics.replaced,
            ),
            (
                "l1_failed",
                "Transactions that reverted in a block of L1",
                &metrics.failed,
            ),
        ];
        for (name, help, family) in families {
            // All are shown from the start, so that a first one is an increase.
            for kind in KINDS.into_iter().chain([OTHER]) {
                drop(family.get_or_create(&[("kind", kind)]));
            }
            add(registry, (name, "transactions"), help, family);
        }
        let gas = "Gas that the account's transactions used on L1";
        add(registry, ("l1_used", "gas"), gas, &metrics.gas);
        let fees = "What the account paid on L1 for gas and blobs";
        add(registry, ("l1_fees", "ether"), fees, &metrics.fees);
    }
}

/// The kind of a purpose: its first word.
fn kind(purpose: &str) -> Labels<1> {
    let word = purpose.split(['/', '#']).next();
    let known = KINDS.into_iter().find(|kind| word == Some(kind));
    [("kind", known.unwrap_or(OTHER))]
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn a_purpose_counts_by_its_first_word_and_a_strange_one_as_other() {
        let kinds = [
            "commit/5#2",
            "settle-unpaid/7",
            "poke/3/9",
            "deploy/Rollup",
            "",
        ];
        let kinds = kinds.map(|purpose| kind(purpose)[0].1);
        assert_eq!(kinds, ["commit", "settle-unpaid", "poke", "other", "other"]);
    }
}
