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
pub use verbs::{ReceiptsArgs, in_words, run};

use std::path::Path;

use eyre::{WrapErr, ensure};
use rollmill_l1::Deployment;
use rollmill_roller_api::{
    domain,
    receipts::{SignedReceipt, binding},
};
use rollmill_runtime::complain;

/// The file's name in the data folder.
const FILE: &str = "receipts.jsonl";

/// The receipts that are kept in a data folder; none if there is no file.
pub fn kept(data_dir: &Path) -> eyre::Result<Vec<SignedReceipt>> {
    Ok(book::read_whole_lines(&data_dir.join(FILE))?.0)
}

/// The receipts in a file that must be there.
fn in_file(path: &Path) -> eyre::Result<Vec<SignedReceipt>> {
    ensure!(path.exists(), "there are no receipts at {}", path.display());
    Ok(book::read_whole_lines(path)?.0)
}

/// The receipts in a file that bind the operator of a rollup. Fails if none of them does, and says how many do not.
fn of_operator(path: &Path, deployment: &Deployment) -> eyre::Result<Vec<SignedReceipt>> {
    let pile = in_file(path)?;
    let count = pile.len();
    let domain = domain(deployment.chain_id, deployment.rollup);
    let bound = binding(pile, &domain, deployment.operator)
        .wrap_err_with(|| format!("cannot use the receipts {}", path.display()))?;
    let others = count - bound.len();
    if others > 0 {
        complain(format_args!(
            "{others} of the {count} receipts in {} are left out: the operator {} has not signed them for this rollup",
            path.display(),
            deployment.operator
        ));
    }
    Ok(bound)
}
