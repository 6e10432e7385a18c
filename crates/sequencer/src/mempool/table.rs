//! The pool's table: per account its next nonce and a map from nonce to transaction.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};

use alloy_consensus::{Transaction as _, transaction::Recovered};
use alloy_primitives::{Address, B256, U256};
use rollmill_engine::{
    PoolError,
    pool::{Sender, cost, replaces},
    stf::{Transaction, fees::FeePrices},
};

use super::policy::Bounds;
use crate::journal::Kept;

/// Expired transactions that are remembered: a quarter of a MiB.
pub(super) const EXPIRED_MAX: usize = 8_192;

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) transaction: Recovered<Transaction>,
    pub(super) hash: B256,
    /// Counts arrivals.
    pub(super) arrival: u64,
    /// Time of its arrival, Unix seconds.
    pub(super) since_unix_s: u64,
}

/// The transactions of an account.
#[derive(Debug)]
pub(super) struct Queue {
    /// Nonce of the next transaction that can be executed, as the newest state has it.
    ///
    /// INVARIANT: it follows every change of the state: `Mempool::follow` after each confirmation, and after an insertion looks
    /// until the state that was looked at is still the newest. Who looks at an older one and writes last would leave it behind for ever.
    pub(super) next: u64,
    pub(super) waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) accounts: HashMap<Address, Queue>,
    pub(super) hashes: HashMap<B256, (Address, u64)>,
    pub(super) arrivals: u64,
    /// The newest last.
    pub(super) expired: VecDeque<B256>,
    /// What the journal kept, until it is restored.
    pub(super) kept: Vec<Kept>,
    /// Transactions of blocks that were taken back, in their order.
    pub(super) again: VecDeque<Recovered<Transaction>>,
}

pub(super) struct Inserted {
    pub(super) hash: B256,
    /// The transaction that it took the place of.
    pub(super) replaced: Option<B256>,
    /// The transaction that made room for it.
    pub(super) displaced: Option<B256>,
}

impl Inserted {
    /// What the pool has no more.
    pub(super) fn gone(&self) -> Vec<B256> {
        self.replaced.into_iter().chain(self.displaced).collect()
    }
}

/// The next transaction of an account, ordered by what it pays, then by age.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    tip: u128,
    arrival: std::cmp::Reverse<u64>,
    sender: Address,
    nonce: u64,
}

impl Table {
    /// Takes a transaction in; `prices` are those of the next block.
    pub(super) fn insert(
        &mut self,
        transaction: Recovered<Transaction>,
        since_unix_s: u64,
        sender: &Sender,
        (bounds, prices): (Bounds, FeePrices),
    ) -> Result<Inserted, PoolError> {
        let (address, nonce, hash) = (
            transaction.signer(),
            transaction.nonce(),
            transaction.hash(),
        );
        if self.hashes.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        if nonce >= sender.nonce.saturating_add(bounds.account_slots) {
            return Err(PoolError::NonceTooHigh {
                nonce,
                limit: bounds.account_slots,
            });
        }
        let waiting = self.accounts.get(&address).map(|queue| &queue.waiting);
        let replaced = waiting.and_then(|waiting| waiting.get(&nonce));
        if replaced.is_some_and(|old| !replaces(&transaction, &old.transaction)) {
            return Err(PoolError::Underpriced);
        }
        let replaced = replaced.map(|old| old.hash);
        let is_full = replaced.is_none() && self.hashes.len() >= bounds.transactions;
        let displaced = is_full.then(|| self.room_for(address, nonce, sender));
        let displaced = displaced.transpose()?;
        let others = waiting
            .into_iter()
            .flatten()
            .filter(|(other, _)| **other != nonce && **other >= sender.nonce);
        let cost = others.fold(cost(&transaction, &prices), |sum, (_, other)| {
            sum.saturating_add(self::cost(&other.transaction, &prices))
        });
        if cost > sender.balance {
            return Err(insufficient(sender.balance, cost));
        }
        self.arrivals += 1;
        let arrival = self.arrivals;
        if let Some(old) = &replaced {
            self.hashes.remove(old);
        }
        if let Some(old) = &displaced {
            self.remove(old);
            self.remember_expired(vec![*old]);
        }
        self.hashes.insert(hash, (address, nonce));
        let queue = self.accounts.entry(address).or_insert_with(|| Queue {
            next: sender.nonce,
            waiting: BTreeMap::new(),
        });
        let waiting = Waiting {
            transaction,
            hash,
            arrival,
            since_unix_s,
        };
        queue.waiting.insert(nonce, waiting);
        Ok(Inserted {
            hash,
            replaced,
            displaced,
        })
    }

    /// The transaction that makes room in a full pool for one that can be executed.
    fn room_for(&self, address: Address, nonce: u64, sender: &Sender) -> Result<B256, PoolError> {
        let next = self.pending_nonce(address).unwrap_or(sender.nonce);
        if nonce > next.max(sender.nonce) {
            return Err(PoolError::Full);
        }
        self.oldest_behind_a_gap(address).ok_or(PoolError::Full)
    }

    /// Of the transactions that wait for a nonce before theirs the one that has waited longest. Those of `address` are left out,
    /// because what it sends now may be what they wait for.
    fn oldest_behind_a_gap(&self, address: Address) -> Option<B256> {
        // What is owed another execution closes gaps.
        let owed: HashSet<Address> = self.again.iter().map(|tx| tx.signer()).collect();
        let others = self.accounts.iter();
        let others = others.filter(|(other, _)| **other != address && !owed.contains(*other));
        let behind = others.flat_map(|(_, queue)| {
            let waiting = queue.waiting.range(queue.next..).zip(queue.next..);
            let behind = waiting.skip_while(|((nonce, _), next)| **nonce == *next);
            behind.map(|((_, waiting), _)| waiting)
        });
        let oldest = behind.min_by_key(|waiting| waiting.arrival);
        oldest.map(|waiting| waiting.hash)
    }

    pub(super) fn best(&self, base_fee: u64, limit: usize) -> Vec<Recovered<Transaction>> {
        let offer = |sender: Address, queue: &Queue, nonce: u64| {
            let waiting = queue.waiting.get(&nonce)?;
            let tip = waiting.transaction.effective_tip_per_gas(base_fee)?;
            Some(Offer {
                tip,
                arrival: std::cmp::Reverse(waiting.arrival),
                sender,
                nonce,
            })
        };
        let mut offers: BinaryHeap<Offer> = self
            .accounts
            .iter()
            .filter_map(|(sender, queue)| offer(*sender, queue, queue.next))
            .collect();
        let mut best = Vec::new();
        while best.len() < limit
            && let Some(Offer { sender, nonce, .. }) = offers.pop()
        {
            let queue = &self.accounts[&sender];
            best.push(queue.waiting[&nonce].transaction.clone());
            offers.extend(offer(sender, queue, nonce + 1));
        }
        best
    }

    /// The nonce after the executable transactions of an account; `None` when it has none.
    pub(super) fn pending_nonce(&self, account: Address) -> Option<u64> {
        let again = self.again.iter().filter(|tx| tx.signer() == account);
        let again = again.map(|tx| tx.nonce() + 1).max();
        let queued = self.accounts.get(&account).and_then(|queue| {
            let next = again.unwrap_or(0).max(queue.next);
            let follow = (next..)
                .zip(queue.waiting.range(next..))
                .take_while(|(next, (nonce, _))| next == *nonce);
            follow.last().map(|(nonce, _)| nonce + 1)
        });
        queued.or(again)
    }

    /// Hashes of the waiting transactions for which `holds`.
    pub(super) fn waiting_if(&self, holds: impl Fn(&Waiting) -> bool) -> Vec<B256> {
        let waiting = self
            .accounts
            .values()
            .flat_map(|queue| queue.waiting.values());
        let found = waiting.filter(|waiting| holds(waiting));
        found.map(|waiting| waiting.hash).collect()
    }

    /// Remembers the hashes of expired transactions, the last [`EXPIRED_MAX`] of them.
    pub(super) fn remember_expired(&mut self, hashes: Vec<B256>) {
        self.expired.extend(hashes);
        let surplus = self.expired.len().saturating_sub(EXPIRED_MAX);
        self.expired.drain(..surplus);
    }

    pub(super) fn remove(&mut self, hash: &B256) {
        let Some((sender, nonce)) = self.hashes.remove(hash) else {
            return;
        };
        if let Some(queue) = self.accounts.get_mut(&sender) {
            queue.waiting.remove(&nonce);
            if queue.waiting.is_empty() {
                self.accounts.remove(&sender);
            }
        }
    }

    /// The account's next nonce is this one; returns what is below it, and forgets it.
    pub(super) fn follow(&mut self, account: Address, next: u64) -> Vec<B256> {
        let Some(queue) = self.accounts.get_mut(&account) else {
            return Vec::new();
        };
        queue.next = next;
        let below = queue.waiting.range(..next);
        let hashes: Vec<B256> = below.map(|(_, waiting)| waiting.hash).collect();
        for hash in &hashes {
            self.remove(hash);
        }
        hashes
    }
}

fn insufficient(balance: U256, cost: U256) -> PoolError {
    PoolError::InsufficientFunds {
        balance,
        cost,
        overshot: cost.saturating_sub(balance),
    }
}
