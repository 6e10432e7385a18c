//! Transactions that wait for a block.
//!
//! Model: per account its next nonce and a map from nonce to transaction. What is accepted was decoded, its sender recovered, and checked
//! against the newest state with the same rules as on the embedded L1 ([`rollmill_engine::pool`]); it is in the
//! [`Journal`] before the client hears of it, so an acknowledged transaction survives `kill -9`. It leaves the pool when it is
//! confirmed (it is on disk as a part of the open block then), when its sender replaces it, when a block finds that it cannot be executed any more, or
//! when no block took it for [`PoolPolicy::lifetime`], which counts on while the process is down. go-ethereum and reth drop after the
//! same three hours what waits for a nonce; here what waits for a lower base fee goes, too, because the pool is the only one that has it.
//! What was confirmed in blocks that were taken back is executed again before all else, in its old order ([`taken_back`]).
//!
//! | rule | refusal |
//! |---|---|
//! | nonce within [`ACCOUNT_SLOTS`] of the account's | nonce too low, nonce too high |
//! | the account can pay for *all* its waiting transactions, data and proving included | insufficient funds |
//! | same nonce: 10 % more fee cap and tip | replacement transaction underpriced |
//! | at most [`PoolPolicy::transactions_max`] in all | txpool is full |
//!
//! One that can be executed finds a full pool open as long as another one waits for a nonce before its own: that of these which has
//! waited longest is forgotten, as if its time were over. Otherwise nonces that never come, which cost nothing, kept everybody out.
//!
//! What was acknowledged is not refused again: none of this is asked of it but its nonce, neither after a restart nor after a rollback.
//!
//! | component | in memory | persisted | recovery |
//! |---|---|---|---|
//! | waiting transactions | the table | raw bytes and time of arrival by hash | read, decoded and checked again; mined ones are recognised by nonce, expired ones by time |
//! | hashes of expired ones | the last [`table::EXPIRED_MAX`] | | those that expired meanwhile |

mod policy;
mod table;
mod taken_back;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use alloy_consensus::{Header, Sealed, transaction::Recovered};
use alloy_eips::{
    eip7702::constants::EIP7702_DELEGATION_DESIGNATOR, eip7825::MAX_TX_GAS_LIMIT_OSAKA,
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use rollmill_engine::{
    Chain, OpenBlock, PoolError, TransactionPool,
    pool::{Announcements, Limits, PoolContent, Sender, admit, decode},
    stf::{Transaction, header::next_base_fee},
};
use rollmill_protocol::batch::TRANSACTION_BYTES_MAX;
use rollmill_runtime::{Clock, blocking};
use tokio::sync::{Notify, Semaphore};

use self::{
    policy::Standing,
    table::{Inserted, Table},
};
use crate::journal::{Journal, JournalError, Kept};

pub use policy::{ACCOUNT_SLOTS, LIFETIME_S, POOL_TRANSACTIONS_MAX, PoolPolicy};

/// Pause between looks for expired transactions.
const EXPIRY_LOOK: Duration = Duration::from_secs(1);

/// The mempool ended: acknowledgements are no longer possible, so the process must stop.
#[derive(Debug, thiserror::Error)]
#[error("the mempool's journal cannot be written any more")]
pub struct MempoolError;

/// The sequencer's pool; see the module's documentation.
#[derive(Debug)]
pub struct Mempool {
    chain: Chain,
    clock: Clock,
    policy: PoolPolicy,
    table: Mutex<Table>,
    journal: Journal,
    announcements: Announcements,
    arrivals: Notify,
    /// Turns at checking a transaction, which is mostly recovering its sender: one for each core, so that a flood takes the cores in
    /// turn, and the thread that builds blocks competes with as many threads and not with hundreds. It is never closed.
    checks: Semaphore,
}

impl Mempool {
    /// Opens the pool over `chain` with its journal at `path`; what that kept is taken in by the builder. Blocks the thread.
    pub fn open(
        chain: Chain,
        path: &Path,
        clock: Clock,
        policy: PoolPolicy,
    ) -> Result<Arc<Self>, JournalError> {
        let now = clock.now_unix_s();
        let (journal, kept) = Journal::open(path, now)?;
        let pool = Self {
            chain,
            clock,
            policy,
            table: Mutex::new(Table {
                kept,
                ..Table::default()
            }),
            journal,
            announcements: Announcements::default(),
            arrivals: Notify::new(),
            checks: Semaphore::new(available_parallelism().map_or(1, usize::from)),
        };
        Ok(Arc::new(pool))
    }

    /// Takes in what the journal kept. Blocks the thread.
    ///
    /// INVARIANT: the newest state is there, with what was confirmed before the last end of the process, so that what was confirmed is
    /// recognised; and the pool knows what is owed another execution.
    pub(crate) fn restore(&self) {
        let (kept, owed) = {
            let mut table = self.table();
            let owed: HashSet<B256> = table.again.iter().map(|tx| tx.hash()).collect();
            (std::mem::take(&mut table.kept), owed)
        };
        let now = self.clock.now_unix_s();
        // The base fee may be above the cap now: then the transaction waits, it was acknowledged.
        let limits = Limits {
            base_fee: 0,
            ..self.limits()
        };
        let mut useless = Vec::new();
        // What is owed another execution is not to be had twice.
        for kept in kept.into_iter().filter(|kept| !owed.contains(&kept.hash)) {
            if self.policy.is_over(kept.since_unix_s, now) {
                self.table().remember_expired(vec![kept.hash]);
                useless.push(kept.hash);
                continue;
            }
            let restored = decode(&kept.raw, &limits).and_then(|transaction| {
                self.insert(transaction, kept.since_unix_s, Standing::Acknowledged)
            });
            if let Err(error) = restored {
                tracing::debug!(hash = %kept.hash, %error, "mempool.not_restored");
                useless.push(kept.hash);
            }
        }
        self.journal.remove(useless);
    }

    /// Forgets what has expired, until the journal fails. A supervised task, so that a node that cannot acknowledge does not
    /// pretend to live.
    pub async fn watch(self: Arc<Self>) -> Result<(), MempoolError> {
        let mut looks = tokio::time::interval(EXPIRY_LOOK);
        loop {
            tokio::select! {
                () = self.journal.ended() => return Err(MempoolError),
                _ = looks.tick() => self.expire(),
            }
        }
    }

    /// Forgets what no block took in its lifetime.
    pub(crate) fn expire(&self) {
        let now = self.clock.now_unix_s();
        let mut table = self.table();
        let over = table.waiting_if(|waiting| self.policy.is_over(waiting.since_unix_s, now));
        for hash in &over {
            table.remove(hash);
        }
        table.remember_expired(over.clone());
        drop(table);
        if !over.is_empty() {
            tracing::info!(transactions = over.len(), "mempool.expired");
        }
        self.journal.remove(over);
    }

    /// Completes when a transaction has arrived since the last call, or somebody was woken.
    pub async fn arrived(&self) {
        self.arrivals.notified().await;
    }

    /// Says that somebody should look again.
    pub(crate) fn wake(&self) {
        self.arrivals.notify_one();
    }

    /// How many transactions wait.
    pub fn len(&self) -> usize {
        let table = self.table();
        table.hashes.len() + table.again.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> Limits {
        let head = self.chain.head();
        Limits {
            chain_id: self.chain.chain_id(),
            block_gas: head.gas_limit,
            transaction_gas: MAX_TX_GAS_LIMIT_OSAKA,
            base_fee: next_base_fee(&head),
            transaction_bytes: TRANSACTION_BYTES_MAX,
        }
    }

    fn sender(&self, address: Address) -> Result<Sender, PoolError> {
        let mut state = self.chain.newest_state()?;
        let Some(account) = state.account(address)? else {
            return Ok(Sender {
                nonce: 0,
                balance: U256::ZERO,
                has_code: false,
            });
        };
        let has_code = account.code_hash != KECCAK256_EMPTY
            && !state
                .code(account.code_hash)?
                .starts_with(&EIP7702_DELEGATION_DESIGNATOR);
        Ok(Sender {
            nonce: account.nonce,
            balance: account.balance,
            has_code,
        })
    }

    fn insert(
        &self,
        transaction: Recovered<Transaction>,
        since_unix_s: u64,
        standing: Standing,
    ) -> Result<Inserted, PoolError> {
        let address = transaction.signer();
        let mut state = Newest::of(&self.chain);
        let mut sender = self.sender(address)?;
        if standing == Standing::Acknowledged {
            sender.balance = U256::MAX;
        }
        let prices = self.chain.fee_prices_after(&state.head)?;
        admit(&transaction, &sender, &prices)?;
        let rules = (self.policy.bounds(standing), prices);
        let inserted = self
            .table()
            .insert(transaction, since_unix_s, &sender, rules)?;
        loop {
            let now = Newest::of(&self.chain);
            if now.is(&state) {
                return Ok(inserted);
            }
            state = now;
            let nonce = self.sender(address)?.nonce;
            let executed = self.table().follow(address, nonce);
            self.journal.remove(executed);
        }
    }

    /// Transactions for the next block in the order of their tips, each account's by nonce; at most `limit`.
    pub(crate) fn executable(&self, limit: usize) -> Vec<Recovered<Transaction>> {
        let base_fee = next_base_fee(&self.chain.head());
        self.table().best(base_fee, limit)
    }

    /// Takes in what the open block has changed, after it was confirmed. What it executed of the pool is forgotten. Only accounts that have
    /// something waiting are looked at: the block has changed many more, and is confirmed many times while it grows.
    pub(crate) fn follow(&self, open: &OpenBlock) {
        let mut table = self.table();
        let waiting = table.accounts.keys();
        let moved: Vec<(Address, u64)> = waiting
            .filter_map(|account| Some((*account, open.nonce(account)?)))
            .collect();
        let executed = moved
            .into_iter()
            .flat_map(|(account, nonce)| table.follow(account, nonce))
            .collect();
        drop(table);
        self.journal.remove(executed);
    }

    /// Forgets transactions that can never be executed.
    pub(crate) fn remove(&self, hashes: Vec<B256>) {
        let mut table = self.table();
        for hash in &hashes {
            table.remove(hash);
        }
        drop(table);
        self.journal.remove(hashes);
    }
}

/// The newest state, to be recognised. INVARIANT: the same open block on the same newest one is the same state; both are held, so
/// that no other takes their place.
struct Newest {
    open: Option<Arc<OpenBlock>>,
    head: Arc<Sealed<Header>>,
}

impl Newest {
    fn of(chain: &Chain) -> Self {
        Self {
            open: chain.open_block(),
            head: chain.head(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        let is_open = match (&self.open, &other.open) {
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        is_open && Arc::ptr_eq(&self.head, &other.head)
    }
}

impl TransactionPool for Mempool {
    async fn submit(self: &Arc<Self>, raw: Bytes) -> Result<B256, PoolError> {
        let (pool, bytes) = (self.clone(), raw.clone());
        let since_unix_s = self.clock.now_unix_s();
        let check = move || {
            let transaction = decode(&bytes, &pool.limits())?;
            pool.insert(transaction, since_unix_s, Standing::Offered)
        };
        let inserted = {
            let turn = self.checks.acquire().await;
            let _turn = turn.expect("INVARIANT: it is never closed");
            blocking(check).await?
        };
        let hash = inserted.hash;
        let kept = Kept {
            hash,
            raw,
            since_unix_s,
        };
        // A block may have it before the journal has: what a block has is on disk by itself before anybody sees it. So whoever waits for
        // a receipt does not wait for both writes one after the other.
        self.arrivals.notify_one();
        // INVARIANT: no acknowledgement before the bytes are on disk.
        if !self.journal.add(kept).await {
            self.table().remove(&hash);
            return Err(PoolError::Closed);
        }
        self.journal.remove(inserted.gone());
        self.announcements.announce(hash);
        Ok(hash)
    }

    fn pending_nonce(&self, account: Address) -> Option<u64> {
        self.table().pending_nonce(account)
    }

    fn pending(&self, hash: &B256) -> Option<Recovered<Transaction>> {
        let table = self.table();
        let Some((sender, nonce)) = table.hashes.get(hash) else {
            return table.again.iter().find(|tx| tx.hash() == *hash).cloned();
        };
        let waiting = &table.accounts.get(sender)?.waiting;
        Some(waiting.get(nonce)?.transaction.clone())
    }

    fn has_expired(&self, hash: &B256) -> bool {
        self.table().expired.contains(hash)
    }

    fn content(&self) -> PoolContent {
        let mut content = PoolContent::default();
        let table = self.table();
        content.pending.extend(table.again.iter().cloned());
        for queue in table.accounts.values() {
            let waiting = queue.waiting.values();
            content.add_account(queue.next, waiting.map(|waiting| &waiting.transaction));
        }
        content
    }

    fn announcements(&self) -> &Announcements {
        &self.announcements
    }
}
