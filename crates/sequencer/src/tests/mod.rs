//! Tests of the parts that need no L1: pool, builder, batcher, over a real chain in a temporary folder.
#![allow(clippy::unwrap_used)]

mod batcher;
mod builder;
mod derivation;
mod fees;
mod mempool;
mod rollback;
mod rpc;

use std::{path::Path, sync::Arc};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use rollmill_engine::{Chain, ChainSpec};
use rollmill_l1::{Deployment, Incentives, Parameters};
use rollmill_protocol::L1Message;
use rollmill_runtime::Clock;
use rollmill_store::{L1Place, Store};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    BlockLimits, GenesisConfig, L1Head, MEMPOOL_FILE, Mempool, PoolPolicy, builder::Builder,
    rollback::Gate,
};

const L2: u64 = 1_337_002;
const GENESIS_S: u64 = 1_000;
const ETHER: u128 = 1_000_000_000_000_000_000;

/// A data directory that outlives the handles on it, as it outlives a process.
struct World {
    dir: TempDir,
    spec: ChainSpec,
    clock: Clock,
}

impl World {
    /// Accounts 1, 2 and 3 have one ether each.
    fn new() -> Self {
        let config = GenesisConfig {
            l2_chain_id: L2,
            l1_chain_id: 1_337_001,
            rollup: rollup(),
            operator: key(1).address(),
            timestamp: GENESIS_S,
            accounts: (1..=3)
                .map(|n| (key(n).address(), U256::from(ETHER)))
                .collect(),
        };
        let clock = Clock::manual(GENESIS_S + 100);
        Self {
            dir: TempDir::new().unwrap(),
            spec: config.chain_spec(),
            clock,
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn chain(&self) -> Chain {
        Chain::open(&self.path().join("l2.redb"), &self.spec).unwrap()
    }

    fn pool(&self, chain: &Chain) -> Arc<Mempool> {
        self.pool_of(chain, PoolPolicy::default())
    }

    fn pool_of(&self, chain: &Chain, policy: PoolPolicy) -> Arc<Mempool> {
        let path = self.path().join(MEMPOOL_FILE);
        Mempool::open(chain.clone(), &path, self.clock.clone(), policy).unwrap()
    }

    async fn store(&self) -> Store {
        Store::open(self.path().join("store")).await.unwrap()
    }

    /// The builder as it is after a start.
    async fn builder(&self, chain: &Chain, pool: &Arc<Mempool>, next_message: u64) -> Builder {
        self.builder_within(BlockLimits::default(), chain, pool, next_message)
            .await
    }

    /// The same with other limits.
    async fn builder_within(
        &self,
        limits: BlockLimits,
        chain: &Chain,
        pool: &Arc<Mempool>,
        next_message: u64,
    ) -> Builder {
        self.builder_behind((Gate::default(), limits), chain, pool, next_message)
            .await
    }

    async fn builder_behind(
        &self,
        (gate, limits): (Gate, BlockLimits),
        chain: &Chain,
        pool: &Arc<Mempool>,
        next_message: u64,
    ) -> Builder {
        let l1 = L1Head {
            number: 7,
            timestamp: GENESIS_S,
            prevrandao: B256::repeat_byte(7),
        };
        Builder::open(
            chain.clone(),
            pool.clone(),
            self.store().await,
            watch::Sender::new(l1).subscribe(),
            self.clock.clone(),
            gate,
            (limits, next_message),
        )
        .await
        .unwrap()
    }

    fn deployment(&self) -> Deployment {
        let mut deployment = rollmill_test_l1::nowhere();
        deployment.genesis.timestamp = GENESIS_S;
        deployment.parameters = parameters();
        deployment
    }
}

/// A transaction in this block of L1.
fn l1_place(block: u64) -> L1Place {
    L1Place {
        transaction: B256::with_last_byte(block as u8),
        block,
    }
}

fn rollup() -> Address {
    Address::repeat_byte(1)
}

fn parameters() -> Parameters {
    Parameters {
        settle_s: 1,
        fallback_s: 1,
        claim_s: 1,
        force_s: 1,
        future_s: 1,
        program_delay_s: 1,
        unbond_s: 10,
        message_gas_price_wei: 1,
        message_gas_max: 1_000_000,
        incentives: Incentives::default(),
    }
}

fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap()
}

/// A transfer of one wei that pays 1 gwei to the builder.
fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: L2,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(Address::repeat_byte(0xaa)),
        value: U256::ONE,
        ..Default::default()
    }
}

fn signed(
    number: u8,
    transaction: impl SignableTransaction<alloy::primitives::Signature> + Enveloped,
) -> Bytes {
    sign(&key(number), transaction)
}

fn sign(
    key: &PrivateKeySigner,
    transaction: impl SignableTransaction<alloy::primitives::Signature> + Enveloped,
) -> Bytes {
    let signature = key.sign_hash_sync(&transaction.signature_hash()).unwrap();
    transaction.envelope(signature).encoded_2718().into()
}

/// The two kinds of transactions that the tests sign.
trait Enveloped {
    fn envelope(self, signature: alloy::primitives::Signature) -> TxEnvelope;
}

impl Enveloped for TxEip1559 {
    fn envelope(self, signature: alloy::primitives::Signature) -> TxEnvelope {
        self.into_signed(signature).into()
    }
}

impl Enveloped for alloy::consensus::TxLegacy {
    fn envelope(self, signature: alloy::primitives::Signature) -> TxEnvelope {
        self.into_signed(signature).into()
    }
}

fn deposit(index: u64, wei: u64) -> L1Message {
    L1Message {
        index,
        sender: Address::repeat_byte(0xdd),
        to: Address::repeat_byte(0xee),
        mint: U256::from(wei),
        value: U256::from(wei),
        gas_limit: 100_000,
        data: Bytes::new(),
    }
}

async fn put(store: &Store, message: &L1Message) {
    store
        .put_message(message.index, 5, &serde_json::to_string(message).unwrap())
        .await
        .unwrap();
}
