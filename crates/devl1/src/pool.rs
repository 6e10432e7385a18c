//! Unmined transactions of the embedded L1, in memory.
//!
//! Model: per account a map from nonce to transaction. A block takes, in order of arrival, what continues the account's
//! nonce; the rest waits for the gap to close. A transaction with the nonce of another replaces it when it pays 10 % more.
//! The pool dies with the process, as an L1's pool may: who sends to L1 records the transaction first and sends it again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_consensus::{Transaction as _, transaction::Recovered};
use alloy_primitives::{Address, B256};
use rollmill_engine::stf::Transaction;
use rollmill_engine::{
    PoolError,
    pool::{PoolContent, replaces},
};

/// Most transactions kept. At up to a megabyte each this is memory, not speed.
pub(crate) const POOL_TRANSACTIONS_MAX: usize = 4_096;
/// How far a nonce may be ahead of the account's.
pub(crate) const NONCE_GAP_MAX: u64 = 1_024;

/// A transaction that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) transaction: Recovered<Transaction>,
    hash: B256,
    /// Counts arrivals.
    arrival: u64,
}

#[derive(Debug, Default)]
struct Table {
    accounts: HashMap<Address, BTreeMap<u64, Waiting>>,
    hashes: HashMap<B256, (Address, u64)>,
    arrivals: u64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Table>);

impl Pool {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an admitted transaction of an account whose next nonce is `account_nonce`.
    pub(crate) fn insert(
        &self,
        transaction: Recovered<Transaction>,
        account_nonce: u64,
    ) -> Result<B256, PoolError> {
        let (sender, nonce, hash) = (
            transaction.signer(),
            transaction.nonce(),
            transaction.hash(),
        );
        let mut table = self.table();
        if table.hashes.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        if nonce > account_nonce.saturating_add(NONCE_GAP_MAX) {
            return Err(PoolError::NonceTooHigh {
                nonce,
                limit: NONCE_GAP_MAX,
            });
        }
        let replaced = table
            .accounts
            .get(&sender)
            .and_then(|waiting| waiting.get(&nonce));
        if let Some(old) = replaced {
            if !replaces(&transaction, &old.transaction) {
                return Err(PoolError::Underpriced);
            }
            let old = old.hash;
            table.hashes.remove(&old);
        } else if table.hashes.len() >= POOL_TRANSACTIONS_MAX {
            return Err(PoolError::Full);
        }
        table.arrivals += 1;
        let arrival = table.arrivals;
        table.hashes.insert(hash, (sender, nonce));
        table.accounts.entry(sender).or_default().insert(
            nonce,
            Waiting {
                transaction,
                hash,
                arrival,
            },
        );
        Ok(hash)
    }

    /// The transactions that can be mined, in order of arrival but for each account by nonce. `nonce` gives an account's
    /// next nonce; what is below it has been mined and is dropped.
    pub(crate) fn executable<E>(
        &self,
        mut nonce: impl FnMut(Address) -> Result<u64, E>,
    ) -> Result<Vec<Recovered<Transaction>>, E> {
        let mut table = self.table();
        let accounts: Vec<Address> = table.accounts.keys().copied().collect();
        let mut ready = Vec::new();
        for account in accounts {
            let next = nonce(account)?;
            table.drop_below(account, next);
            let Some(waiting) = table.accounts.get(&account) else {
                continue;
            };
            let mut arrival = 0;
            for (_, waiting) in (next..)
                .zip(waiting)
                .take_while(|(next, (nonce, _))| next == *nonce)
            {
                // Not before its predecessor, whenever that came.
                arrival = waiting.1.arrival.max(arrival);
                ready.push((arrival, waiting.1.transaction.clone()));
            }
        }
        ready.sort_by_key(|(arrival, transaction)| (*arrival, transaction.nonce()));
        Ok(ready
            .into_iter()
            .map(|(_, transaction)| transaction)
            .collect())
    }

    /// Forgets a transaction that was mined or cannot be.
    pub(crate) fn remove(&self, hash: &B256) {
        let mut table = self.table();
        if let Some((sender, nonce)) = table.hashes.remove(hash)
            && let Some(waiting) = table.accounts.get_mut(&sender)
        {
            waiting.remove(&nonce);
            if waiting.is_empty() {
                table.accounts.remove(&sender);
            }
        }
    }

    /// The nonce after the transactions of `account` that continue `next`; `None` when there are none.
    pub(crate) fn pending_nonce(&self, account: Address, next: u64) -> Option<u64> {
        let table = self.table();
        let waiting = table.accounts.get(&account)?;
        let follow = (next..)
            .zip(waiting.range(next..))
            .take_while(|(next, (nonce, _))| next == *nonce);
        follow.last().map(|(nonce, _)| nonce + 1)
    }

    /// Everything that waits; `nonce` gives an account's next nonce.
    pub(crate) fn content(&self, mut nonce: impl FnMut(Address) -> u64) -> PoolContent {
        let mut content = PoolContent::default();
        for (account, waiting) in &self.table().accounts {
            let transactions = waiting.values().map(|waiting| &waiting.transaction);
            content.add_account(nonce(*account), transactions);
        }
        content
    }

    /// A waiting transaction by hash.
    pub(crate) fn by_hash(&self, hash: &B256) -> Option<Recovered<Transaction>> {
        let table = self.table();
        let (sender, nonce) = table.hashes.get(hash)?;
        Some(table.accounts.get(sender)?.get(nonce)?.transaction.clone())
    }
}

impl Table {
    fn drop_below(&mut self, account: Address, next: u64) {
        let Some(waiting) = self.accounts.get_mut(&account) else {
            return;
        };
        let keep = waiting.split_off(&next);
        for mined in std::mem::replace(waiting, keep).into_values() {
            self.hashes.remove(&mined.hash);
        }
        if waiting.is_empty() {
            self.accounts.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;

    use alloy_consensus::{Signed, TxEip1559};
    use alloy_primitives::Signature;
    use rollmill_engine::stf::transaction::EthereumTransaction;

    use super::*;

    const ANN: Address = Address::repeat_byte(1);
    const BEN: Address = Address::repeat_byte(2);

    fn transaction(sender: Address, nonce: u64, price: u128) -> Recovered<Transaction> {
        let tx = TxEip1559 {
            nonce,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: price,
            ..TxEip1559::default()
        };
        let mut bytes = [1; 32];
        bytes[..20].copy_from_slice(sender.as_slice());
        let signature = Signature::from_scalars_and_parity(bytes.into(), bytes.into(), false);
        let signed: Signed<TxEip1559> = Signed::new_unhashed(tx, signature);
        Recovered::new_unchecked(EthereumTransaction::from(signed).into(), sender)
    }

    fn ready(pool: &Pool, next: u64) -> Vec<(Address, u64)> {
        let ready = pool.executable(|_| Ok::<_, Infallible>(next)).unwrap();
        ready.iter().map(|tx| (tx.signer(), tx.nonce())).collect()
    }

    #[test]
    fn order_is_arrival_but_never_against_the_nonce() {
        let pool = Pool::default();
        for (sender, nonce) in [(ANN, 1), (BEN, 0), (ANN, 0), (BEN, 2)] {
            pool.insert(transaction(sender, nonce, 10), 0).unwrap();
        }
        assert_eq!(ready(&pool, 0), [(BEN, 0), (ANN, 0), (ANN, 1)]);
        assert_eq!(pool.pending_nonce(ANN, 0), Some(2));
        assert_eq!(pool.pending_nonce(BEN, 0), Some(1));
        assert_eq!(pool.pending_nonce(BEN, 1), None);
    }

    #[test]
    fn mined_nonces_are_forgotten() {
        let pool = Pool::default();
        let hash = pool.insert(transaction(ANN, 0, 10), 0).unwrap();
        pool.insert(transaction(ANN, 1, 10), 0).unwrap();
        assert_eq!(ready(&pool, 1), [(ANN, 1)]);
        assert!(pool.by_hash(&hash).is_none());
        assert_eq!(ready(&pool, 2), []);
    }

    #[test]
    fn a_replacement_pays_a_tenth_more() {
        let pool = Pool::default();
        let old = pool.insert(transaction(ANN, 0, 100), 0).unwrap();
        assert!(matches!(
            pool.insert(transaction(ANN, 0, 100), 0),
            Err(PoolError::AlreadyKnown)
        ));
        assert!(matches!(
            pool.insert(transaction(ANN, 0, 109), 0),
            Err(PoolError::Underpriced)
        ));
        pool.insert(transaction(ANN, 0, 110), 0).unwrap();
        assert!(pool.by_hash(&old).is_none());
        assert_eq!(ready(&pool, 0), [(ANN, 0)]);
    }

    #[test]
    fn nonces_far_ahead_are_refused() {
        let pool = Pool::default();
        assert!(
            pool.insert(transaction(ANN, NONCE_GAP_MAX + 3, 1), 3)
                .is_ok()
        );
        assert!(matches!(
            pool.insert(transaction(ANN, NONCE_GAP_MAX + 4, 1), 3),
            Err(PoolError::NonceTooHigh { .. })
        ));
    }
}
