//! Names under which a batch's transactions are sent once; who looks for one in the store finds it by the same name.

use alloy::primitives::Address;

/// The batch is committed.
pub fn commit(batch: u64) -> String {
    format!("commit/{batch}")
}

/// The batch is settled with the winner's proof.
pub fn settle(batch: u64) -> String {
    format!("settle/{batch}")
}

/// The batch is settled with the operator's own proof.
pub fn settle_unpaid(batch: u64) -> String {
    format!("settle-unpaid/{batch}")
}

/// The prevrandao of an L1 block is stored.
pub fn beacon(l1_block: u64) -> String {
    format!("beacon/{l1_block}")
}

/// The batches up to this one are settled together.
pub fn settle_many(last: u64) -> String {
    format!("settle-many/{last}")
}

/// The reward of a batch that settled with others is where it belongs.
pub fn resolve(batch: u64) -> String {
    format!("resolve/{batch}")
}

/// The winner of a batch that settled unpaid has its reward.
pub fn claim_late(batch: u64) -> String {
    format!("claim-late/{batch}")
}

/// The operator is charged for what a roller (zero: nobody in particular) suffered in the batch: L1 takes one charge for both.
pub fn charge(batch: u64, roller: Address) -> String {
    format!("charge/{batch}/{roller}")
}
