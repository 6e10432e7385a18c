//! Receipts: kept by the daemon, listed, verified and held against the operator by hand.
//!
//! Model: one append-only file in the data folder, `receipts.jsonl`, one signed receipt per line in the order of arrival.
//!
//! Rules:
//! - a receipt is durable before the roller acts on what it says;
//! - a line that a crash cut off was never acted on and is removed at the next start;
//! - repeats are not kept twice; of heartbeats only as many as prove that there was no silence.

mod book;
mod cases;
mod charge;
mod verbs;

pub use book::ReceiptBook;
pub use verbs::{ReceiptsArgs, run};

use std::path::Path;

use rollmill_roller_api::receipts::SignedReceipt;

/// The file's name in the data folder.
const FILE: &str = "receipts.jsonl";

/// The receipts that are kept in a data folder; none if there is no file.
pub fn kept(data_dir: &Path) -> eyre::Result<Vec<SignedReceipt>> {
    Ok(book::read_whole_lines(&data_dir.join(FILE))?.0)
}
