//! A chain for tests: empty blocks, a second each.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use alloy_genesis::Genesis;
use alloy_primitives::B256;
use rollmill_stf::{BlockAttributes, EthereumRules, Fork, Rules};

use super::{Chain, ChainSpec};

/// A new one in this folder. Shanghai: no system contracts are needed.
pub(crate) fn chain(dir: &Path) -> Chain {
    let spec = ChainSpec {
        rules: Rules::Ethereum(EthereumRules::at_fork(7, Fork::Shanghai)),
        genesis: Genesis::default(),
    };
    Chain::open(&dir.join("chain.redb"), &spec).unwrap()
}

/// So many blocks more. No two are the same, however often they are taken back.
pub(crate) fn append(chain: &Chain, blocks: u64) {
    for _ in 0..blocks {
        let attributes = BlockAttributes {
            timestamp: chain.head().timestamp + 1,
            prev_randao: B256::random(),
            withdrawals: Some(Vec::new()),
            ..BlockAttributes::default()
        };
        let (block, _) = chain.begin_block(attributes).unwrap().finish().unwrap();
        chain.append(&block, &[]).unwrap();
    }
}
