//! The body of a node: durable chain, execution of calls and blocks on it, JSON-RPC.
//!
//! Two nodes are built on it: the L2's sequencer and the embedded dev L1. They differ in their [`stf::Rules`] and in who makes
//! blocks; everything below that is here, once.
//!
//! - [`Chain`]: blocks, receipts and the states of the newest blocks in one redb file; appended by one block producer.
//! - [`pool`]: the seam to whoever keeps unmined transactions, and the admission rules both keepers share.
//! - [`rpc`]: the Ethereum JSON-RPC methods that wallets, libraries and our own watcher call.
//!
//! A producer opens a block with [`Chain::begin_block`], pushes transactions, finishes it and hands it to [`Chain::append`].

mod call;
pub mod chain;
mod fees;
pub mod pool;
pub mod rpc;
mod trace;

pub use chain::{
    AppendError, Chain, ChainSpec, Confirmed, History, OpenBlock, OpenError, StateView,
    StorageError, StoredBlock, Tag,
};
pub use pool::{PoolError, TransactionPool};
/// The execution layer, whose types this crate's interface speaks in.
pub use rollmill_stf as stf;
