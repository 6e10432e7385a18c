//! How many transactions wait for a block, and for how long.

use std::time::Duration;

/// Transactions that an account may have waiting: geth's executable slots.
pub const ACCOUNT_SLOTS: u64 = 16;
/// Transactions that wait in all; at 128 KiB each this bounds memory to about 1 GiB, in practice to a few MiB.
pub const POOL_TRANSACTIONS_MAX: usize = 8_192;
/// Longest wait for a block, seconds.
pub const LIFETIME_S: u64 = 3 * 3_600;

/// How many transactions wait, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct PoolPolicy {
    /// Transactions that wait in all.
    pub transactions_max: usize,
    /// A transaction that no block took for so long is forgotten.
    pub lifetime: Duration,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self {
            transactions_max: POOL_TRANSACTIONS_MAX,
            lifetime: Duration::from_secs(LIFETIME_S),
        }
    }
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In all.
    pub(super) transactions: usize,
    /// Of an account.
    pub(super) account_slots: u64,
}

/// What a transaction must fulfil to come into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Somebody offers it: all rules.
    Offered,
    /// Its sender was told that it is taken: its nonce is not used yet. A block finds out whether the sender can pay, because what
    /// brings the money may be owed another execution.
    Acknowledged,
}

impl PoolPolicy {
    pub(super) const fn bounds(&self, standing: Standing) -> Bounds {
        match standing {
            Standing::Offered => Bounds {
                transactions: self.transactions_max,
                account_slots: ACCOUNT_SLOTS,
            },
            Standing::Acknowledged => Bounds {
                transactions: usize::MAX,
                account_slots: u64::MAX,
            },
        }
    }

    /// A clock that went back makes nothing older.
    pub(super) fn is_over(&self, since_unix_s: u64, now_unix_s: u64) -> bool {
        now_unix_s.saturating_sub(since_unix_s) >= self.lifetime.as_secs()
    }
}
