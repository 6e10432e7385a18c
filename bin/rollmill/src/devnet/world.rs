//! A running devnet as its users see it: two JSON-RPC endpoints, a coordinator's API and the contracts on L1.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy::{
    network::EthereumWallet,
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use alloy_primitives::{Address, B256, U256};
use eyre::{WrapErr, bail, ensure, eyre};
use rollmill_l1::{
    Deployment,
    contracts::{
        RewardPool::{self, RewardPoolInstance},
        Rollup::{self, RollupInstance},
    },
};
use rollmill_roller_api::{Client, TaskState, TaskView};

use super::{rollers::Rollers, view::Printer};

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(100);

/// Handles of everything that a script acts on.
#[derive(Clone, Debug)]
pub struct World {
    /// L1, with the user's wallet.
    pub l1: DynProvider,
    /// L2, with the user's wallet.
    pub l2: DynProvider,
    /// The coordinator's API.
    pub coordinator: Client,
    /// The contracts.
    pub deployment: Deployment,
    /// The processes that the script kills; one that ends by itself ends a wait.
    pub rollers: Rollers,
    /// Where lines for people go.
    pub printer: Printer,
    /// Longest wait for one thing, proving included.
    pub patience: Duration,
}

/// Durations of steps, by name; a failed step is an error that names it.
#[derive(Debug)]
pub struct Steps {
    begun: Instant,
    seconds: BTreeMap<&'static str, f64>,
}

impl Steps {
    /// Nothing is done yet.
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            seconds: BTreeMap::new(),
        }
    }

    /// Runs one step.
    pub async fn run<T>(
        &mut self,
        printer: &Printer,
        name: &'static str,
        step: impl Future<Output = eyre::Result<T>>,
    ) -> eyre::Result<T> {
        printer.say(format!("— {name}"));
        let started = Instant::now();
        let result = step.await.wrap_err_with(|| format!("step `{name}` failed"));
        *self.seconds.entry(name).or_default() += started.elapsed().as_secs_f64();
        result
    }

    /// Seconds by step, and `total` since the first one began.
    pub fn into_seconds(mut self) -> BTreeMap<&'static str, f64> {
        self.seconds
            .insert("total", self.begun.elapsed().as_secs_f64());
        self.seconds
    }
}

/// A provider that fills in nonces and fees and signs with `signer`.
pub fn wallet(url: &str, signer: PrivateKeySigner) -> eyre::Result<DynProvider> {
    let url = url.parse().wrap_err_with(|| format!("`{url}` is no URL"))?;
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(signer))
        .connect_http(url);
    // The nodes are on this machine: look for receipts often.
    provider.client().set_poll_interval(POLL);
    Ok(provider.erased())
}

impl World {
    /// The Rollup contract.
    pub fn rollup(&self) -> RollupInstance<DynProvider> {
        Rollup::new(self.deployment.rollup, self.l1.clone())
    }

    /// The RewardPool contract.
    pub fn reward_pool(&self) -> RewardPoolInstance<DynProvider> {
        RewardPool::new(self.deployment.reward_pool, self.l1.clone())
    }

    /// Looks again and again until `look` finds something.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> eyre::Result<Option<T>>,
    ) -> eyre::Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            self.rollers.check_alive()?;
            if started.elapsed() > self.patience {
                bail!("waited {} s for {what}", self.patience.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The number of the batch that contains an L2 block, once it is committed.
    pub async fn committed_batch_of(&self, block: u64) -> eyre::Result<u64> {
        let rollup = self.rollup();
        let what = format!("the batch with block {block} to be committed");
        self.until(&what, async || {
            for batch in 1..=rollup.committedBatch().call().await? {
                if rollup.batches(batch).call().await?.lastBlock >= block {
                    return Ok(Some(batch));
                }
            }
            Ok(None)
        })
        .await
    }

    /// The task of a batch, once `accept` takes it.
    pub async fn task_when(
        &self,
        batch: u64,
        what: &str,
        accept: impl Fn(&TaskView) -> bool,
    ) -> eyre::Result<TaskView> {
        self.until(what, async || {
            let tasks = self.coordinator.tasks().await?;
            Ok(tasks
                .into_iter()
                .find(|task| task.batch == batch && accept(task)))
        })
        .await
    }

    /// The task of a batch, once it is settled on L1.
    pub async fn settled_task(&self, batch: u64) -> eyre::Result<TaskView> {
        let rollup = self.rollup();
        let what = format!("batch {batch} to settle");
        self.until(&what, async || {
            Ok((rollup.settledBatch().call().await? >= batch).then_some(()))
        })
        .await?;
        self.task_when(batch, &what, |task| {
            task.state == TaskState::Settled && task.settle.is_some()
        })
        .await
    }

    /// State roots of a batch's last block: what L1 settled and what L2 built.
    pub async fn state_roots(&self, batch: u64) -> eyre::Result<(B256, B256)> {
        let settled = self.rollup().batches(batch).call().await?;
        let block = self
            .l2
            .get_block_by_number(settled.lastBlock.into())
            .await?
            .ok_or_else(|| eyre!("L2 does not have block {}", settled.lastBlock))?;
        Ok((settled.stateRoot, block.header.state_root))
    }

    /// Pays out what a roller has earned, and returns it.
    pub async fn claim(&self, roller: Address) -> eyre::Result<U256> {
        let pool = self.reward_pool();
        let credit = pool.credits(roller).call().await?;
        ensure!(!credit.is_zero(), "the winner has no credit");
        let receipt = pool.claim(roller).send().await?.get_receipt().await?;
        succeeded("the claim", &receipt)?;
        Ok(credit)
    }
}

/// Fails with a sentence if the transaction failed.
pub fn succeeded(what: &str, receipt: &TransactionReceipt) -> eyre::Result<()> {
    ensure!(
        receipt.status(),
        "{what} failed in transaction {}",
        receipt.transaction_hash
    );
    Ok(())
}
