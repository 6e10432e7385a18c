//! For tests: a chain of empty blocks, a second each; and damaged files.
#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use alloy_genesis::Genesis;
use alloy_primitives::{B256, U256};
use rollmill_stf::{BlockAttributes, EthereumRules, Fork, Rules};

use super::{Chain, ChainSpec};

const GAS_LIMIT: u64 = 30_000_000;
/// Blocks that were made so far, by all tests.
static BLOCKS: AtomicU64 = AtomicU64::new(0);

/// A new one in this folder. Shanghai: no system contracts are needed.
pub(crate) fn chain(dir: &Path) -> Chain {
    let spec = ChainSpec {
        rules: Rules::Ethereum(EthereumRules::at_fork(7, Fork::Shanghai)),
        genesis: Genesis {
            gas_limit: GAS_LIMIT,
            ..Genesis::default()
        },
    };
    Chain::open(&dir.join("chain.redb"), &spec).unwrap()
}

/// So many blocks more. No two are the same, however often they are taken back.
pub(crate) fn append(chain: &Chain, blocks: u64) {
    for _ in 0..blocks {
        let attributes = BlockAttributes {
            timestamp: chain.head().timestamp + 1,
            gas_limit: GAS_LIMIT,
            prev_randao: B256::from(U256::from(BLOCKS.fetch_add(1, Relaxed))),
            withdrawals: Some(Vec::new()),
            ..BlockAttributes::default()
        };
        let (block, _) = chain.begin_block(attributes).unwrap().finish().unwrap();
        chain.append(&block, &[]).unwrap();
    }
}

/// Copies of a redb file that lie beside it, in each another page overwritten: those behind the head that were ever written.
pub(crate) fn scratched(whole: &Path) -> Vec<PathBuf> {
    const PAGE_BYTES: usize = 4_096;
    let bytes = std::fs::read(whole).unwrap();
    let pages = bytes.chunks(PAGE_BYTES).enumerate().skip(1);
    let written = pages.filter(|(_, page)| page.iter().any(|byte| *byte != 0));
    let copy = |(number, page): (usize, &[u8])| {
        let path = whole.with_extension(format!("scratched-{number}"));
        let mut scratched = bytes.clone();
        scratched[number * PAGE_BYTES..][..page.len()].fill(0xff);
        std::fs::write(&path, scratched).unwrap();
        path
    };
    written.map(copy).collect()
}
