//! Names under which a batch's transactions are sent once; who looks for one in the store finds it by the same name.

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
