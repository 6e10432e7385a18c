//! The seam between JSON-RPC and whoever keeps unmined transactions, and the admission rules both keepers share.
//!
//! Two pools take transactions: the sequencer's durable mempool and the embedded L1's instant miner. Both decode, check and refuse
//! a transaction with [`admit`], so wallets meet the same texts (go-ethereum's, which libraries match on) on both layers.

use std::{future::Future, sync::Arc};

use alloy_consensus::{
    Transaction as _,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, U256};
use rollmill_stf::{Transaction, fees::FeePrices, state::StateError};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::chain::StorageError;

/// A keeper of unmined transactions. What is not said otherwise is the answer of one that keeps none.
pub trait TransactionPool: Send + Sync + 'static {
    /// Takes a raw EIP-2718 transaction. When it returns `Ok` the transaction counts as accepted: it is mined later,
    /// replaced by its sender, or expires, sooner where it waits for a nonce before its own and others need its place.
    ///
    /// # Errors
    /// [`PoolError`], the text of which goes to the client.
    fn submit(self: &Arc<Self>, raw: Bytes)
    -> impl Future<Output = Result<B256, PoolError>> + Send;

    /// The nonce that follows the account's executable pool transactions; `None` when it has none there.
    fn pending_nonce(&self, _account: Address) -> Option<u64> {
        None
    }

    /// An unmined transaction by hash.
    fn pending(&self, _hash: &B256) -> Option<Recovered<Transaction>> {
        None
    }

    /// Whether the pool has lately forgotten a transaction because it waited for too long.
    fn has_expired(&self, _hash: &B256) -> bool {
        false
    }

    /// Everything that waits.
    fn content(&self) -> PoolContent {
        PoolContent::default()
    }

    /// Where accepted transactions are announced.
    fn announcements(&self) -> &Announcements;
}

/// What a pool holds, each account's transactions by nonce.
#[derive(Clone, Debug, Default)]
pub struct PoolContent {
    /// Those that could be in the next block.
    pub pending: Vec<Recovered<Transaction>>,
    /// Those that wait for a nonce before theirs.
    pub queued: Vec<Recovered<Transaction>>,
}

impl PoolContent {
    /// Sorts an account's waiting transactions in, given by nonce; `next` is the account's next nonce. What is below it has
    /// been mined and is left out.
    pub fn add_account<'a>(
        &mut self,
        mut next: u64,
        waiting: impl IntoIterator<Item = &'a Recovered<Transaction>>,
    ) {
        for transaction in waiting {
            let nonce = transaction.nonce();
            if nonce == next {
                next += 1;
                self.pending.push(transaction.clone());
            } else if nonce > next {
                self.queued.push(transaction.clone());
            }
        }
    }
}

/// Tells listeners the hashes of accepted transactions. A listener that falls behind by more than
/// [`ANNOUNCEMENTS_MAX`] misses the oldest; nobody waits for it.
#[derive(Debug)]
pub struct Announcements(broadcast::Sender<B256>);

/// Announcements kept for slow listeners.
pub const ANNOUNCEMENTS_MAX: usize = 4_096;

impl Default for Announcements {
    fn default() -> Self {
        Self(broadcast::Sender::new(ANNOUNCEMENTS_MAX))
    }
}

impl Announcements {
    /// A transaction was accepted.
    pub fn announce(&self, hash: B256) {
        // An error says that nobody listens.
        let _ = self.0.send(hash);
    }

    /// Hears of every transaction accepted from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<B256> {
        self.0.subscribe()
    }
}

/// The pool of a node that follows the chain and makes no blocks: it takes nothing.
#[derive(Debug, Default)]
pub struct NoPool {
    announcements: Announcements,
}

impl TransactionPool for NoPool {
    async fn submit(self: &Arc<Self>, _: Bytes) -> Result<B256, PoolError> {
        Err(PoolError::ReadOnly)
    }

    fn announcements(&self) -> &Announcements {
        &self.announcements
    }
}

/// Why a transaction is not accepted. All but [`PoolError::Storage`], [`PoolError::State`], [`PoolError::Disk`] and [`PoolError::Closed`] are
/// the sender's fault; [`PoolError::Full`] and `Closed` are worth another try. Texts begin with go-ethereum's, which clients match on.
#[derive(Debug, Error)]
#[expect(
    missing_docs,
    reason = "the texts are the documentation; fields are what they print"
)]
pub enum PoolError {
    #[error("this node follows the chain and takes no transactions: send them to the sequencer")]
    ReadOnly,
    #[error("rlp: {0}")]
    Decode(String),
    #[error("transaction type not supported")]
    Type,
    #[error("invalid sender")]
    Signature,
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId { have: u64, want: u64 },
    #[error("already known")]
    AlreadyKnown,
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow { next: u64, nonce: u64 },
    #[error("nonce too high: tx nonce {nonce}, at most {limit} ahead of the account is kept")]
    NonceTooHigh { nonce: u64, limit: u64 },
    #[error("replacement transaction underpriced")]
    Underpriced,
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {overshot}"
    )]
    InsufficientFunds {
        balance: U256,
        cost: U256,
        overshot: U256,
    },
    #[error("exceeds block gas limit")]
    BlockGasLimit,
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    TransactionGasCap { cap: u64, gas: u64 },
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas { gas: u64, needed: u64 },
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorDataGas { gas: u64, needed: u64 },
    #[error("max initcode size exceeded: code size {size} limit {limit}")]
    InitCodeSize { size: usize, limit: usize },
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized { size: usize, limit: usize },
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFeeCap,
    #[error(
        "max fee per gas less than block base fee: maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeCapTooLow { max_fee: u128, base_fee: u64 },
    #[error("EIP-7702 transaction with empty auth list")]
    EmptyAuthorizations,
    #[error("blobless blob transaction")]
    NoBlobs,
    #[error("too many blobs in transaction (have {have}, permitted {limit})")]
    TooManyBlobs { have: usize, limit: u64 },
    #[error("invalid blobs: {0}")]
    Blobs(String),
    #[error("sender not an eoa")]
    SenderHasCode,
    #[error("txpool is full")]
    Full,
    #[error("the node is shutting down")]
    Closed,
    #[error("cannot keep the transaction's blobs: {0}")]
    Disk(std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    State(#[from] StateError),
}

/// What does not depend on the account: the chain's and the next block's limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The chain id every transaction must carry.
    pub chain_id: u64,
    /// Gas limit of the next block.
    pub block_gas: u64,
    /// Gas limit of one transaction (EIP-7825).
    pub transaction_gas: u64,
    /// Base fee of the next block, wei per gas.
    pub base_fee: u64,
    /// Longest raw transaction, bytes.
    pub transaction_bytes: usize,
}

/// The sender's account as of the newest block.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Next nonce.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Whether its code forbids sending (EIP-3607; a delegation by EIP-7702 does not).
    pub has_code: bool,
}

/// EIP-3860.
const INITCODE_BYTES_MAX: usize = 49_152;
/// EIP-2028, EIP-7623.
const TOKENS_PER_NONZERO_BYTE: u64 = 4;
const GAS_PER_TOKEN: u64 = 4;
const FLOOR_GAS_PER_TOKEN: u64 = 10;

/// Decodes a raw transaction and checks all that needs no state; the sender is recovered here. One with blobs is refused: what
/// goes with them is taken off by a pool that takes them, which then asks [`check`].
///
/// # Errors
/// The [`PoolError`] that names the rule it breaks.
pub fn decode(raw: &Bytes, limits: &Limits) -> Result<Recovered<Transaction>, PoolError> {
    check_size(raw, limits)?;
    let transaction = Transaction::decode_2718_exact(raw)
        .map_err(|error| PoolError::Decode(error.to_string()))?;
    if transaction.as_l1_message().is_some() || transaction.blob_versioned_hashes().is_some() {
        return Err(PoolError::Type);
    }
    check(transaction, limits)
}

/// Refuses bytes that are too long to be looked at.
///
/// # Errors
/// [`PoolError::Oversized`].
pub fn check_size(raw: &[u8], limits: &Limits) -> Result<(), PoolError> {
    if raw.len() > limits.transaction_bytes {
        return Err(PoolError::Oversized {
            size: raw.len(),
            limit: limits.transaction_bytes,
        });
    }
    Ok(())
}

/// Checks all of a transaction that needs no state; the sender is recovered here.
///
/// # Errors
/// The [`PoolError`] that names the rule it breaks.
pub fn check(
    transaction: Transaction,
    limits: &Limits,
) -> Result<Recovered<Transaction>, PoolError> {
    match transaction.chain_id() {
        None => return Err(PoolError::Unprotected),
        Some(have) if have != limits.chain_id => {
            return Err(PoolError::ChainId {
                have,
                want: limits.chain_id,
            });
        }
        Some(_) => {}
    }
    check_gas(&transaction, limits)?;
    if transaction
        .max_priority_fee_per_gas()
        .is_some_and(|tip| tip > transaction.max_fee_per_gas())
    {
        return Err(PoolError::TipAboveFeeCap);
    }
    if transaction.max_fee_per_gas() < u128::from(limits.base_fee) {
        return Err(PoolError::FeeCapTooLow {
            max_fee: transaction.max_fee_per_gas(),
            base_fee: limits.base_fee,
        });
    }
    if transaction
        .authorization_list()
        .is_some_and(<[_]>::is_empty)
    {
        return Err(PoolError::EmptyAuthorizations);
    }
    let sender = transaction
        .recover_signer()
        .map_err(|_| PoolError::Signature)?;
    Ok(Recovered::new_unchecked(transaction, sender))
}

fn check_gas(transaction: &Transaction, limits: &Limits) -> Result<(), PoolError> {
    let gas = transaction.gas_limit();
    if gas > limits.transaction_gas {
        return Err(PoolError::TransactionGasCap {
            cap: limits.transaction_gas,
            gas,
        });
    }
    if gas > limits.block_gas {
        return Err(PoolError::BlockGasLimit);
    }
    if transaction.is_create() && transaction.input().len() > INITCODE_BYTES_MAX {
        return Err(PoolError::InitCodeSize {
            size: transaction.input().len(),
            limit: INITCODE_BYTES_MAX,
        });
    }
    let (intrinsic, floor) = intrinsic_gas(transaction);
    if gas < intrinsic {
        return Err(PoolError::IntrinsicGas {
            gas,
            needed: intrinsic,
        });
    }
    if gas < floor {
        return Err(PoolError::FloorDataGas { gas, needed: floor });
    }
    Ok(())
}

/// (intrinsic gas, calldata floor of EIP-7623) of a transaction under Prague and Osaka.
fn intrinsic_gas(transaction: &Transaction) -> (u64, u64) {
    let input = transaction.input();
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    let tokens = zeros + (input.len() as u64 - zeros) * TOKENS_PER_NONZERO_BYTE;
    let mut intrinsic = 21_000 + tokens * GAS_PER_TOKEN;
    if transaction.is_create() {
        intrinsic += 32_000 + 2 * (input.len() as u64).div_ceil(32);
    }
    if let Some(list) = transaction.access_list() {
        intrinsic += 2_400 * list.0.len() as u64 + 1_900 * list.storage_keys_count() as u64;
    }
    intrinsic += 25_000 * transaction.authorization_count().unwrap_or_default();
    (intrinsic, 21_000 + tokens * FLOOR_GAS_PER_TOKEN)
}

/// Checks a decoded transaction against its sender's account, at the prices of the next block. A nonce ahead of the account's
/// is fine here.
///
/// # Errors
/// The [`PoolError`] that names the rule it breaks.
pub fn admit(
    transaction: &Transaction,
    sender: &Sender,
    prices: &FeePrices,
) -> Result<(), PoolError> {
    if transaction.nonce() < sender.nonce {
        return Err(PoolError::NonceTooLow {
            next: sender.nonce,
            nonce: transaction.nonce(),
        });
    }
    if sender.has_code {
        return Err(PoolError::SenderHasCode);
    }
    let cost = cost(transaction, prices);
    if cost > sender.balance {
        return Err(PoolError::InsufficientFunds {
            balance: sender.balance,
            cost,
            overshot: cost.saturating_sub(sender.balance),
        });
    }
    Ok(())
}

/// The most wei a transaction can take from its sender: value, gas, also that of blobs, and data and proving where they cost something.
pub fn cost(transaction: &Transaction, prices: &FeePrices) -> U256 {
    let most = |gas: u64, price: u128| U256::from(gas).saturating_mul(U256::from(price));
    let fee = most(transaction.gas_limit(), transaction.max_fee_per_gas());
    let blob_fee = most(
        transaction.blob_gas_used().unwrap_or_default(),
        transaction.max_fee_per_blob_gas().unwrap_or_default(),
    );
    fee.saturating_add(blob_fee)
        .saturating_add(transaction.value())
        .saturating_add(prices.most(transaction))
}

/// Whether `new` pays enough more than `old` to take its place: 10 % more of both the fee cap and the tip. With blobs it is twice
/// as much, of the blobs' fee cap, too; and only blobs take the place of blobs.
pub fn replaces(new: &Transaction, old: &Transaction) -> bool {
    let prices = |transaction: &Transaction| {
        [
            transaction.max_fee_per_gas(),
            transaction.priority_fee_or_price(),
            transaction.max_fee_per_blob_gas().unwrap_or_default(),
        ]
    };
    let divisor = match (new.max_fee_per_blob_gas(), old.max_fee_per_blob_gas()) {
        (None, None) => 10,
        (Some(_), Some(_)) => 1,
        _ => return false,
    };
    let bumped = |price: u128| price.saturating_add(price.div_ceil(divisor));
    prices(new)
        .into_iter()
        .zip(prices(old))
        .all(|(new, old)| new >= bumped(old))
}
