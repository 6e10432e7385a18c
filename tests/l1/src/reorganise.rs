//! Anvil's own methods: blocks on demand, and reorganisations.

use alloy::{primitives::Bytes, providers::Provider};
use serde_json::{Value, json};

use crate::Layer1;

/// What a reorganisation puts in the place of the lost blocks.
#[derive(Debug)]
pub enum Instead<'a> {
    /// As many blocks, with these transactions in the first.
    Blocks(&'a [Bytes]),
    /// Nothing at first: L1 is shorter for a while.
    Nothing,
}

impl Layer1 {
    async fn ask(&self, method: &'static str, params: Value) {
        let answer: Result<Value, _> = self.provider().raw_request(method.into(), params).await;
        answer.unwrap();
    }

    /// Mines so many blocks.
    pub async fn mine(&self, blocks: u64) {
        if blocks > 0 {
            self.ask("anvil_mine", json!([blocks])).await;
        }
    }

    /// Number of the newest block.
    pub async fn head(&self) -> u64 {
        self.provider().get_block_number().await.unwrap()
    }

    /// Mines until the block is the first of the newest `depth`.
    pub async fn bury(&self, block: u64, depth: u64) {
        self.mine(block + depth - 1 - self.head().await).await;
    }

    /// Takes the newest `depth` blocks back.
    pub async fn reorganise(&self, depth: u64, instead: Instead<'_>) {
        match instead {
            Instead::Blocks(transactions) => {
                let first: Vec<(&Bytes, u64)> = transactions.iter().map(|raw| (raw, 0)).collect();
                self.ask("anvil_reorg", json!([depth, first])).await;
            }
            Instead::Nothing => {
                self.ask("anvil_rollback", json!([depth])).await;
                self.mine(depth).await;
            }
        }
        // A reader sees by the next block that those before it are others.
        self.mine(1).await;
    }
}
