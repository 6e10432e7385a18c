//! The way to L1: contract bindings, deployment, a watcher that reads in order, a sender that never forgets.
//!
//! Model:
//! - [`contracts`] are bindings generated from the committed artifacts: what L1 runs is what Rust encodes.
//! - A [`Deployment`] names the contracts of one rollup on one L1; [`deploy`] makes it once and recognises it again, and [`verify`]
//!   compares what it says with L1.
//! - A [`Watcher`] yields every block from a cursor on, with its events, strictly in order; after an L1 reorganisation
//!   it says how far to go back. The *consumer* keeps the cursor, in the same write as what it made of the block.
//! - A [`BlobSource`] has the blobs that L1 itself does not keep.
//! - A [`Sender`] owns one account. It records each transaction under a *purpose* before it sends it, so that a crash
//!   at any point neither loses nor doubles it.

mod amount;
mod artifacts;
mod blobs;
pub mod calls;
mod code;
pub mod contracts;
mod creations;
mod deploy;
mod deployment;
mod event;
mod header;
mod keys;
pub mod kzg;
mod parameter_table;
mod plan;
mod provider;
pub mod purpose;
pub mod revert;
pub mod rewards;
mod sender;
mod verify;
mod watcher;

pub use amount::{digits, ether, scr, units};
pub use blobs::{Beacon, BlobSource, BlobSourceError};
pub use code::is_compiled_from;
pub use creations::first_values;
pub use deploy::{AggregateRow, DeployConfig, DeployError, ProgramRow, VerifierKind, deploy};
pub use deployment::{Deployment, Genesis, Incentives, Parameters, fee_auction, token_bridge};
pub use event::{L1Event, LoggedEvent};
pub use header::{HeaderError, header_rlp};
pub use keys::{
    KeyError, check_key_file, is_keystore, load_key, new_password, password, unlock_key,
    write_keystore,
};
pub use parameter_table::{GovernedNumber, governed_numbers};
pub use plan::{Planned, Sends, plan};
pub use provider::{ConnectError, connect};
pub use sender::{Call, Mined, SendError, Sender, SenderConfig};
pub use verify::{VerifyError, verify};
pub use watcher::{Cursor, L1Block, REORG_DEPTH_MAX, Update, WatchError, Watcher, WatcherConfig};

pub use alloy::providers::DynProvider;
