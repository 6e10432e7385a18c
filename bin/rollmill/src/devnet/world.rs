//! A running devnet as its users see it: two JSON-RPC endpoints, a coordinator's API and the contracts on L1.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
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

/// What is done one after the other. A failed step is an error that names it, whether it failed by itself, does not end, or something else
/// failed while it ran.
#[derive(Debug)]
pub struct Steps {
    begun: Instant,
    /// Longest time of one step.
    limit: Duration,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The step that runs, failed or was given up.
    now: Option<&'static str>,
    seconds: BTreeMap<&'static str, f64>,
}

impl Steps {
    /// Nothing is done yet, and no step may take longer than `limit`.
    pub fn new(limit: Duration) -> Self {
        Self {
            begun: Instant::now(),
            limit,
            progress: Mutex::default(),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one step.
    pub async fn run<T>(
        &self,
        printer: &Printer,
        name: &'static str,
        step: impl Future<Output = eyre::Result<T>>,
    ) -> eyre::Result<T> {
        let limited = async {
            let within = tokio::time::timeout(self.limit, step).await;
            within.map_err(|_| eyre!("it does not end within {} s", self.limit.as_secs()))?
        };
        self.run_unlimited(printer, name, limited).await
    }

    /// The same for a step that may take as long as it needs: a compiler is no network, and shows that it goes on.
    pub async fn run_unlimited<T>(
        &self,
        printer: &Printer,
        name: &'static str,
        step: impl Future<Output = eyre::Result<T>>,
    ) -> eyre::Result<T> {
        printer.say(format!("— {name}"));
        let started = Instant::now();
        self.progress().now = Some(name);
        let outcome = self.named(step.await);
        let mut progress = self.progress();
        if outcome.is_ok() {
            progress.now = None;
        }
        *progress.seconds.entry(name).or_default() += started.elapsed().as_secs_f64();
        outcome
    }

    /// What failed beside a step, or because of it, with the step's name.
    pub fn named<T>(&self, outcome: eyre::Result<T>) -> eyre::Result<T> {
        let Some(name) = self.progress().now else {
            return outcome;
        };
        outcome.wrap_err_with(|| format!("step `{name}` failed"))
    }

    /// Seconds by step, and `total` since the first one began.
    pub fn seconds(&self) -> BTreeMap<&'static str, f64> {
        let mut seconds = self.progress().seconds.clone();
        seconds.insert("total", self.begun.elapsed().as_secs_f64());
        seconds
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::pending;

    use super::*;
    use crate::devnet::view::View;

    const LIMIT: Duration = Duration::from_secs(7);

    fn said<T>(outcome: eyre::Result<T>) -> String {
        let Err(error) = outcome else {
            return "nothing failed".into();
        };
        rollmill_runtime::chain(&*error).to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_or_does_not_end_is_named() {
        let (steps, printer) = (Steps::new(LIMIT), View::new(BTreeMap::new()).printer());
        let failed = steps.run(&printer, "commit", async { bail!("no L1") });
        assert_eq!(said::<()>(failed.await), "step `commit` failed: no L1");
        let stuck = steps.run(&printer, "prove", pending());
        assert_eq!(
            said::<()>(stuck.await),
            "step `prove` failed: it does not end within 7 s"
        );
        let slow = async {
            tokio::time::sleep(2 * LIMIT).await;
            Ok(5)
        };
        let built = steps.run_unlimited(&printer, "build", slow).await;
        assert_eq!(built.unwrap(), 5);
        let seconds = steps.seconds();
        let steps: Vec<_> = seconds.keys().copied().collect();
        assert_eq!(steps, ["build", "commit", "prove", "total"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_beside_a_step_has_its_name() {
        let (steps, printer) = (Steps::new(LIMIT), View::new(BTreeMap::new()).printer());
        let part = || -> eyre::Result<()> { Err(eyre!("the node ended")) };
        assert_eq!(said(steps.named(part())), "the node ended");
        tokio::select! {
            biased;
            _ = steps.run(&printer, "draw", pending::<eyre::Result<()>>()) => {}
            () = async {} => {}
        }
        let named = said(steps.named(part()));
        assert_eq!(named, "step `draw` failed: the node ended");
        steps.run(&printer, "next", async { Ok(()) }).await.unwrap();
        assert_eq!(said(steps.named(part())), "the node ended");
        let failed = steps.run(&printer, "settle", async { bail!("no L1") });
        assert_eq!(said::<()>(failed.await), "step `settle` failed: no L1");
        let named = said(steps.named(part()));
        assert_eq!(named, "step `settle` failed: the node ended");
    }
}
