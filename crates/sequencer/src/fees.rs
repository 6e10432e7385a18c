//! The prices that users pay for data and proving follow what both cost: on L1 and to the rollers' pool.
//!
//! Model: every so often what L1 asks for gas and what rollers get for proving are read there, what the newest batches used is read from
//! their records, and what prices should be follows (`prices`). When those in force are off by more than the operator's
//! band, the operator's account sets them in the predeploy on L2, by a transaction like any other's: through the pool, into a block,
//! into the batch's data. What the predeploy would refuse is not sent. There is one such transaction at a time, and nothing to
//! remember: a restart reads what is in force, and the pool knows what waits.
//!
//! The account needs ether on L2 for it. While it has none, prices stay, and the log says so.

mod prices;

use std::{error::Error, sync::Arc, time::Duration};

use alloy::{
    consensus::TxEip1559,
    contract::Error as ContractError,
    eips::BlockNumberOrTag,
    primitives::{Bytes, TxKind, U256},
    providers::{DynProvider, Provider},
    sol_types::SolCall,
    transports::TransportError,
};
use revm::Database as _;
use rollmill_engine::{
    Chain, PoolError, TransactionPool,
    stf::{fees::FeePrices, header::next_base_fee, state::StateError},
};
use rollmill_l1::{
    Deployment, SendError, Sender,
    contracts::{Control, FeeSchedule},
};
use rollmill_protocol::l2::{FEE_PRICES_SLOT, FEE_SCHEDULE};
use rollmill_runtime::{Backoff, Clock, Shutdown, blocking};
use rollmill_store::{BatchState, Store, StoreError};

use self::prices::RISE_S;
use crate::{BatchStats, Mempool, genesis::SLOT_OPERATOR};

pub use self::prices::{BatchUse, Costs, FeePolicy, step};

/// Pause between looks.
const POLL: Duration = Duration::from_secs(10);
/// Pauses after failures: somebody has to look after L1, or to bring the account ether.
const PAUSES: Backoff = Backoff {
    first: Duration::from_secs(1),
    max: Duration::from_secs(60),
    attempts: u32::MAX,
};
/// Blocks of L1 over which its price is averaged: an hour. A price that falls with each dip rises again by one step an hour only.
const L1_BLOCKS: u64 = 300;
/// Newest batches whose use counts.
const BATCHES: u32 = 16;
/// Gas limit of setting prices, which takes two thirds of it at most.
const GAS_LIMIT: u64 = 100_000;
/// Names the transaction in errors.
const PURPOSE: &str = "fees/set";

/// Prices cannot be set, now or for ever.
#[derive(Debug, thiserror::Error)]
pub enum FeeError {
    /// L1 does not answer: tried again.
    #[error("cannot ask L1 what gas costs")]
    Rpc(#[from] TransportError),
    /// L1 does not answer: tried again.
    #[error("cannot ask L1 what proving costs")]
    Contract(#[from] ContractError),
    /// The account cannot pay for it on L2, or the pool is full: tried again.
    #[error("the pool does not take the operator's transaction that sets L2's prices")]
    Pool(#[from] PoolError),
    /// The store failed: stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain's file failed: stop.
    #[error("cannot read L2's prices")]
    State(#[from] StateError),
    /// Stored JSON is malformed: stop.
    #[error("stored JSON is malformed")]
    Json(#[from] serde_json::Error),
    /// The key cannot sign: stop.
    #[error(transparent)]
    Sign(#[from] SendError),
}

impl FeeError {
    fn is_temporary(&self) -> bool {
        match self {
            Self::Rpc(_) | Self::Contract(_) | Self::Pool(_) => true,
            Self::Store(_) | Self::State(_) | Self::Json(_) | Self::Sign(_) => false,
        }
    }
}

impl BatchUse {
    /// Of the newest batches on record.
    ///
    /// # Errors
    /// [`FeeError::Store`], [`FeeError::Json`].
    pub(crate) async fn read(store: &Store) -> Result<Self, FeeError> {
        let last = store.last_batch(BatchState::Sealed).await?.unwrap_or(0);
        let first = last.saturating_sub(u64::from(BATCHES) - 1).max(1);
        let mut sum = Self::default();
        for record in store.batches(first, BATCHES).await? {
            let stats: BatchStats = serde_json::from_value(record.stats)?;
            sum.batches += 1;
            match record.public_values.blob_versioned_hash.is_zero() {
                true => sum.data_bytes += stats.data_bytes,
                false => sum.blobs += 1,
            }
            sum.charged_data_gas += stats.charged_data_gas;
            sum.prover_gas += stats.prover_gas;
            sum.charged_prover_gas += stats.charged_prover_gas;
        }
        Ok(sum)
    }
}

impl Costs {
    /// What L1 asks for gas, on the average of the last hour, and what its dials give rollers.
    ///
    /// # Errors
    /// [`FeeError::Rpc`], [`FeeError::Contract`].
    pub async fn read(
        l1: &DynProvider,
        deployment: &Deployment,
        recent: BatchUse,
    ) -> Result<Self, FeeError> {
        let history = l1.get_fee_history(L1_BLOCKS, BlockNumberOrTag::Latest, &[]);
        let history = history.await?;
        let mean = |fees: &[u128]| {
            let sum = fees.iter().copied().fold(0, u128::saturating_add);
            sum.div_ceil((fees.len() as u128).max(1))
        };
        let tip = l1.get_max_priority_fee_per_gas().await?;
        let dials = Control::new(deployment.control, l1)
            .current()
            .call()
            .await?;
        Ok(Self {
            l1_gas_wei: mean(&history.base_fee_per_gas).saturating_add(tip),
            l1_blob_gas_wei: mean(&history.base_fee_per_blob_gas),
            reward_scr_wei: dials.unitPriceWei.saturating_mul(dials.k.into()),
            recent,
        })
    }
}

/// What the predeploy says in the newest state, the open block's included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The prices, of the blocks after the open one.
    pub(crate) in_force: FeePrices,
    /// When one of them rose last, unix seconds.
    rose_s: u64,
    /// The operator's next nonce.
    nonce: u64,
}

impl Schedule {
    /// Reads it; blocks the thread.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn read(chain: &Chain, deployment: &Deployment) -> Result<Self, StateError> {
        let mut state = chain.newest_state()?;
        let prices = state.storage(FEE_SCHEDULE, U256::from(FEE_PRICES_SLOT))?;
        let packed = state.storage(FEE_SCHEDULE, U256::from(SLOT_OPERATOR))?;
        let rose_s: U256 = (packed >> 160usize) & U256::from(u64::MAX);
        let account = state.account(deployment.operator)?;
        Ok(Self {
            in_force: FeePrices::from_word(prices),
            rose_s: rose_s.to(),
            nonce: account.map_or(0, |account| account.nonce),
        })
    }

    /// From when on one may rise again for certain, unix seconds.
    pub(crate) fn rises_from_s(&self) -> u64 {
        self.rose_s.saturating_add(RISE_S)
    }
}

/// Follows costs with prices, as the operator.
pub(crate) struct FeeFollower {
    chain: Chain,
    store: Store,
    deployment: Deployment,
    pool: Arc<Mempool>,
    clock: Clock,
    /// The operator's account on L1, which is the same on L2.
    sender: Sender,
    policy: FeePolicy,
}

impl FeeFollower {
    /// One that has not looked yet.
    pub(crate) fn new(
        (chain, store, deployment): (Chain, Store, Deployment),
        pool: Arc<Mempool>,
        (clock, sender): (Clock, Sender),
        policy: FeePolicy,
    ) -> Self {
        Self {
            chain,
            store,
            deployment,
            pool,
            clock,
            sender,
            policy,
        }
    }

    /// Looks until the shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), FeeError> {
        let mut failures = 0u32;
        loop {
            let pause = match shutdown.run_until(self.look()).await {
                None => return Ok(()),
                Some(Ok(())) => {
                    failures = 0;
                    POLL
                }
                Some(Err(error)) if error.is_temporary() => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(
                        error = &error as &dyn Error,
                        failures,
                        "L2's prices stay as they are, trying again"
                    );
                    PAUSES.wait(failures)
                }
                Some(Err(error)) => return Err(error),
            };
            shutdown.run_until(tokio::time::sleep(pause)).await;
        }
    }

    /// Reads what things cost and sets prices, if it is time.
    async fn look(&self) -> Result<(), FeeError> {
        let recent = BatchUse::read(&self.store).await?;
        let costs = Costs::read(self.sender.provider(), &self.deployment, recent).await?;
        self.follow(&costs).await
    }

    /// Takes the next step, if there is one and none is on its way.
    pub(crate) async fn follow(&self, costs: &Costs) -> Result<(), FeeError> {
        // The pool before the state: what has left the pool is in the newest state already.
        if self.pool.pending_nonce(self.deployment.operator).is_some() {
            return Ok(());
        }
        let (chain, deployment) = (self.chain.clone(), self.deployment.clone());
        let schedule = blocking(move || Schedule::read(&chain, &deployment)).await?;
        let should = costs.prices(&self.policy);
        let may_rise = self.clock.now_unix_s() >= schedule.rises_from_s();
        let band = self.policy.band_percent;
        let Some(next) = step(schedule.in_force, should, may_rise, band) else {
            return Ok(());
        };
        let raw = self.signed(next, schedule.nonce)?;
        let hash = self.pool.submit(raw).await?;
        tracing::info!(
            data_wei = next.data_wei,
            proving_wei = next.proving_wei,
            should_data_wei = should.data_wei,
            should_proving_wei = should.proving_wei,
            %hash,
            "sequencer.fees_set"
        );
        Ok(())
    }

    /// The operator's transaction that sets prices.
    fn signed(&self, prices: FeePrices, nonce: u64) -> Result<Bytes, SendError> {
        let call = FeeSchedule::setCall {
            dataWei: prices.data_wei,
            provingWei: prices.proving_wei,
        };
        let base_fee = u128::from(next_base_fee(&self.chain.head()));
        let transaction = TxEip1559 {
            chain_id: self.deployment.l2_chain_id,
            nonce,
            gas_limit: GAS_LIMIT,
            // It comes back to the operator. Fuller blocks must not leave it waiting.
            max_fee_per_gas: 3 * base_fee,
            max_priority_fee_per_gas: base_fee,
            to: TxKind::Call(FEE_SCHEDULE),
            input: call.abi_encode().into(),
            ..TxEip1559::default()
        };
        self.sender.sign(PURPOSE, transaction)
    }
}
