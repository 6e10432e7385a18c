//! The durable chain: one cloneable handle over blocks, receipts and states.
//!
//! Model: blocks are appended one at a time by one producer, and taken back only by a chain that follows another one (L2, when
//! L1 is reorganised; the embedded L1 is not). [`Chain::append`] returns when the block is on disk; only then do readers and
//! subscribers see it. State lives as trie nodes by hash, so a reader at a block's root needs nothing but this handle;
//! old states are forgotten ([`History`]). The newest header is also kept in memory, because every request asks for it.
//!
//! | tag | meaning |
//! |---|---|
//! | latest, pending | the newest block; for states and calls with what is confirmed after it ([`OpenBlock`]) |
//! | safe, finalized | what [`Chain::set_tag`] last said (the genesis block at first), never above latest |
//! | earliest | the genesis block |
//!
//! [`Tag::Irrevocable`] is the chain's own: nobody can ask by it.

mod confirmed;
mod database;
mod error;
#[cfg(test)]
pub(crate) mod example;
mod file;
mod genesis;
mod guard;
mod history;
mod logs;
mod nodes;
mod open;
mod places;
mod prices;
mod record;
mod taken_back;

use std::{path::Path, sync::Arc, time::Duration};

use alloy_consensus::{Header, Sealed, transaction::Recovered};
use alloy_eips::{BlockId, BlockNumberOrTag, RpcBlockHash};
use alloy_genesis::Genesis;
use alloy_primitives::B256;
use rollmill_stf::{
    BlockAttributes, BlockError, BlockExecutor, ExecutedBlock, Receipt, Rules, Transaction,
    fees::FeePrices,
    source::{BlockHashSource, SourceError},
    state::StateTrie,
};
use thiserror::Error;
use tokio::sync::watch;

pub use error::{OpenError, StorageError};
pub use file::File;
pub use genesis::genesis_header;
pub use history::{History, Snapshot};
pub use logs::{LOG_BLOCKS_MAX, LOGS_MAX, LogsError};
pub use open::{Confirmed, OpenBlock, StateView};
pub use record::StoredBlock;
pub(crate) use taken_back::Reader;

use confirmed::ConfirmedFile;
use database::{Database, SCHEMA_VERSION};
pub(crate) use error::corrupt;

/// What a chain is: its rules and its first block.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    /// Rules of every block.
    pub rules: Rules,
    /// The first block: header fields and accounts with code and storage. `config` is not read; `rules` count.
    pub genesis: Genesis,
}

/// A movable block tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// L2: committed on L1. L1: will not be reorganised in ordinary times.
    Safe,
    /// L2: settled on L1. L1: final.
    Finalized,
    /// Nothing takes it back any more: states before it may be forgotten ([`History`]).
    Irrevocable,
}

impl Tag {
    const fn key(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Finalized => "finalized",
            Self::Irrevocable => "irrevocable",
        }
    }
}

/// Why a block was not appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The block does not continue the newest one.
    #[error(
        "block {number} with parent {parent} does not follow the newest block {head_number} {head}"
    )]
    NotNext {
        /// Number of the refused block.
        number: u64,
        /// Its parent hash.
        parent: B256,
        /// Number of the newest block.
        head_number: u64,
        /// Hash of the newest block.
        head: B256,
    },
    /// The disk failed; nothing of the block was written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Where a mined transaction is.
#[derive(Clone, Debug)]
pub struct MinedTransaction {
    /// The block's header.
    pub header: Sealed<Header>,
    /// Position in the block.
    pub index: u32,
    /// The transaction and its sender.
    pub transaction: Recovered<Transaction>,
    /// Prover gas counted for it.
    pub prover_gas: u64,
    /// Prices of data and proving in its block.
    pub prices: FeePrices,
}

/// Handle on the chain; clones share it.
#[derive(Clone)]
pub struct Chain(Arc<Inner>);

/// INVARIANT: both files are dropped before `head`, so a receiver that sees its sender gone knows that they are closed.
struct Inner {
    database: Database,
    confirmed: ConfirmedFile,
    rules: Rules,
    genesis: B256,
    history: History,
    head: watch::Sender<Arc<Sealed<Header>>>,
    open: watch::Sender<Option<Arc<OpenBlock>>>,
    /// Held while a block is appended: the check against the newest block and the write are one step.
    append: std::sync::Mutex<()>,
    prices: prices::Known,
    went_back: std::sync::Mutex<taken_back::WentBack>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("chain_id", &self.chain_id())
            .field("head", &self.head().number)
            .finish()
    }
}

impl Chain {
    /// Opens the chain in the file at `path`, creating it with the genesis block if it is new. Keeps all states. Blocks the thread.
    ///
    /// # Errors
    /// [`OpenError`]: in use, another schema, another genesis, or a failing disk.
    pub fn open(path: &Path, spec: &ChainSpec) -> Result<Self, OpenError> {
        Self::open_keeping(History::Archive, path, spec)
    }

    /// Does what [`Chain::open`] does, and keeps so many states.
    ///
    /// # Errors
    /// As [`Chain::open`].
    pub fn open_keeping(
        history: History,
        path: &Path,
        spec: &ChainSpec,
    ) -> Result<Self, OpenError> {
        let database = Database::open(path)?;
        let name = || path.display().to_string();
        let genesis = genesis::genesis_record(spec).map_err(OpenError::State)?;
        match database.identity()? {
            None => database.initialize(&genesis)?,
            Some((schema, _)) if schema != SCHEMA_VERSION => {
                return Err(OpenError::Schema {
                    path: name(),
                    found: schema,
                });
            }
            Some((_, found)) if found != genesis.hash => {
                return Err(OpenError::Genesis {
                    path: name(),
                    found,
                    expected: genesis.hash,
                });
            }
            Some(_) => {}
        }
        let last = database.last_number()?;
        let head = record::decode_header(
            &database
                .header(last)?
                .ok_or_else(|| corrupt("newest header"))?,
        )?;
        let chain = Self(Arc::new(Inner {
            database,
            confirmed: ConfirmedFile::beside(path),
            rules: spec.rules.clone(),
            genesis: genesis.hash,
            history,
            head: watch::Sender::new(Arc::new(head)),
            open: watch::Sender::new(None),
            append: std::sync::Mutex::new(()),
            prices: prices::Known::default(),
            went_back: std::sync::Mutex::default(),
        }));
        let oldest = chain.oldest_state()?;
        if history == History::Archive && oldest > 0 {
            tracing::warn!(
                oldest,
                "the states of earlier blocks were forgotten before: this archive begins here"
            );
        }
        Ok(chain)
    }

    /// Gives this handle up and waits until all others are gone too and the file is closed, so that it can be opened
    /// again. `false` when somebody still holds a handle after `patience`.
    pub async fn close(self, patience: Duration) -> bool {
        let mut heads = self.subscribe();
        drop(self);
        let gone = async { while heads.changed().await.is_ok() {} };
        tokio::time::timeout(patience, gone).await.is_ok()
    }

    /// The chain id.
    pub fn chain_id(&self) -> u64 {
        self.0.rules.chain_id()
    }

    /// The rules of every block.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Hash of the genesis block.
    pub fn genesis_hash(&self) -> B256 {
        self.0.genesis
    }

    /// The newest block's header.
    pub fn head(&self) -> Arc<Sealed<Header>> {
        self.0.head.borrow().clone()
    }

    /// Follows the newest header. A slow reader sees the newest only, so it must read the blocks in between by number.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Sealed<Header>>> {
        self.0.head.subscribe()
    }

    /// Opens the block after the newest one. Nothing is stored before [`Chain::append`].
    ///
    /// # Errors
    /// [`BlockError`]: the attributes do not fit the newest block, or its state cannot be read.
    pub fn begin_block(
        &self,
        attributes: BlockAttributes,
    ) -> Result<BlockExecutor<Self, Self>, BlockError> {
        let head = self.head();
        BlockExecutor::begin(
            self.rules(),
            &head,
            head.hash(),
            attributes,
            StateTrie::new(self.clone(), head.state_root),
            self.clone(),
        )
    }

    /// Appends the next block, with everything it adds, in one transaction that is on disk when this returns, and moves
    /// the given tags with it. Blocks the thread.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn append(
        &self,
        executed: &ExecutedBlock,
        tags: &[(Tag, u64)],
    ) -> Result<Arc<Sealed<Header>>, AppendError> {
        let _one_at_a_time = self
            .0
            .append
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let head = self.head();
        let (number, parent) = (executed.header.number, executed.header.parent_hash);
        if number != head.number + 1 || parent != head.hash() {
            return Err(AppendError::NotNext {
                number,
                parent,
                head_number: head.number,
                head: head.hash(),
            });
        }
        let mut record = record::of(executed, self.fee_prices_after(&head)?, tags);
        self.forget_with(&mut record)?;
        self.0.database.append(&record)?;
        let sealed = Arc::new(Sealed::new_unchecked(executed.header.clone(), record.hash));
        self.0.head.send_replace(sealed.clone());
        // Last: whoever looks into the open block first, and then at the blocks, misses nothing.
        self.0.open.send_replace(None);
        Ok(sealed)
    }

    /// Moves a tag to a block.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_tag(&self, tag: Tag, number: u64) -> Result<(), StorageError> {
        self.0.database.set_tag(tag.key(), number)
    }

    /// The number a tag points at.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn tag(&self, tag: Tag) -> Result<u64, StorageError> {
        Ok(self
            .0
            .database
            .tag(tag.key())?
            .unwrap_or(0)
            .min(self.head().number))
    }

    /// The number that a JSON-RPC block id means; `None` when there is no such block.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn resolve(&self, id: BlockId) -> Result<Option<u64>, StorageError> {
        match id {
            BlockId::Hash(RpcBlockHash { block_hash, .. }) => self.0.database.number(&block_hash),
            BlockId::Number(number) => self.resolve_number(number),
        }
    }

    fn resolve_number(&self, number: BlockNumberOrTag) -> Result<Option<u64>, StorageError> {
        let head = self.head().number;
        Ok(match number {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => Some(head),
            BlockNumberOrTag::Safe => Some(self.tag(Tag::Safe)?),
            BlockNumberOrTag::Finalized => Some(self.tag(Tag::Finalized)?),
            BlockNumberOrTag::Earliest => Some(0),
            BlockNumberOrTag::Number(number) => Some(number).filter(|number| *number <= head),
        })
    }

    /// The header of a block by number; `None` above the newest.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn header(&self, number: u64) -> Result<Option<Sealed<Header>>, StorageError> {
        let head = self.head();
        if number == head.number {
            return Ok(Some(Sealed::clone(&head)));
        }
        self.0
            .database
            .header(number)?
            .map(|bytes| record::decode_header(&bytes))
            .transpose()
    }

    /// The number of the block with this hash.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn number_of(&self, hash: &B256) -> Result<Option<u64>, StorageError> {
        self.0.database.number(hash)
    }

    /// A block with its transactions and their senders.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn block(&self, number: u64) -> Result<Option<StoredBlock>, StorageError> {
        let (Some(header), Some(body)) = (self.header(number)?, self.0.database.body(number)?)
        else {
            return Ok(None);
        };
        record::decode_block(header, &body).map(Some)
    }

    /// The receipts of a block, in the order of its transactions.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StorageError> {
        self.0
            .database
            .receipts(number)?
            .map(|bytes| record::decode_receipts(&bytes))
            .transpose()
    }

    /// (block number, index in the block) of a mined transaction.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn place_of(&self, transaction: &B256) -> Result<Option<(u64, u32)>, StorageError> {
        self.0.database.transaction(transaction)
    }

    /// A mined transaction by hash.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn transaction(&self, hash: &B256) -> Result<Option<MinedTransaction>, StorageError> {
        let Some((number, index)) = self.0.database.transaction(hash)? else {
            return Ok(None);
        };
        let block = self
            .block(number)?
            .ok_or_else(|| corrupt(format!("block {number} of an indexed transaction")))?;
        let mut transactions = block.transactions.into_iter().zip(block.prover_gas);
        let (transaction, prover_gas) = transactions
            .nth(index as usize)
            .ok_or_else(|| corrupt(format!("transaction {index} of block {number}")))?;
        Ok(Some(MinedTransaction {
            header: block.header,
            index,
            transaction,
            prover_gas,
            prices: block.prices,
        }))
    }
}

impl BlockHashSource for Chain {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        let header = self.header(number).map_err(history::backend)?;
        header
            .map(|header| header.hash())
            .ok_or(SourceError::MissingBlockHash(number))
    }
}
