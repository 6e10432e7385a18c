//! What L1 says, and which step follows from it.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, U256},
    providers::Provider,
};
use eyre::{OptionExt, WrapErr, ensure};
use rollmill_engine::Chain;
use rollmill_l1::{
    BlobSource, Deployment, DynProvider, Sender, SenderConfig,
    contracts::{Enforcement, Rollup},
    load_key, verify,
};
use rollmill_runtime::{Shutdown, Tasks, span};
use rollmill_sequencer::{Initiated, L1Head, Replica, SequencerConfig, Withdrawals};
use rollmill_store::{BatchState, Store};

use super::{Args, asset::Asset, steps::Step};
use crate::{
    node::{connect_l1, verb::check_directory},
    settings::genesis,
};

/// One account on its way out.
pub(super) struct Escape {
    pub(super) l1: DynProvider,
    pub(super) deployment: Deployment,
    pub(super) rollup: Rollup::RollupInstance<DynProvider>,
    pub(super) enforcement: Enforcement::EnforcementInstance<DynProvider>,
    pub(super) store: Store,
    pub(super) replica: Replica,
    pub(super) withdrawals: Withdrawals,
    pub(super) sender: Sender,
    pub(super) asset: Asset,
    pub(super) recipient: Address,
    /// Where statements and proofs lie.
    pub(super) proofs: std::path::PathBuf,
    /// How much shall leave; all if nothing is said.
    amount: Option<U256>,
    /// L1 paid something in this run.
    pub(super) has_paid: bool,
    chain: Chain,
}

/// The rollup's state on L1, after the chain was derived up to `l1`.
pub(super) struct Status {
    pub(super) l1: L1Head,
    settled: u64,
    committed: u64,
    is_enforced: bool,
    enforceable_from_s: u64,
    droppable_from_s: u64,
}

impl Escape {
    /// Opens the chain in the data directory; nothing is read from L1 yet but its chain id.
    pub(super) async fn open(args: &Args) -> eyre::Result<Self> {
        let signer = load_key(args.key_file.as_deref(), "ROLLMILL_KEY")?;
        let (asset, amount) = (args.asset(), args.amount()?);
        // The same file may set it for the operator's node.
        check_directory(&args.data_dir, true)?;
        let blobs = BlobSource::new(args.l1_beacon.as_deref())?;
        let deployment = Deployment::open(&args.deployment)?;
        let (l1, _) = connect_l1(&args.l1_rpc).await?;
        verify(&l1, &deployment).await?;
        let store = Store::open(&args.data_dir).await?;
        let path = args.data_dir.join("l2.redb");
        let spec = genesis(&deployment)?.chain_spec();
        let chain = rollmill_runtime::blocking(move || Chain::open(&path, &spec)).await?;
        let tasks = Tasks::new(Shutdown::new());
        let parts = (chain.clone(), store.clone(), deployment.clone());
        let reading = (l1.clone(), blobs);
        let replica = Replica::open(parts, reading, SequencerConfig::default(), &tasks)
            .await
            .wrap_err("cannot open the chain")?;
        let domain = deployment.withdrawal_domain();
        let account = signer.address();
        Ok(Self {
            rollup: Rollup::new(deployment.rollup, l1.clone()),
            enforcement: Enforcement::new(deployment.enforcement, l1.clone()),
            withdrawals: Withdrawals::new(chain.clone(), store.clone(), domain),
            sender: Sender::new(
                l1.clone(),
                deployment.chain_id,
                signer,
                store.clone(),
                SenderConfig::default(),
            ),
            asset,
            recipient: args.recipient.unwrap_or(account),
            proofs: args.data_dir.join("proofs"),
            amount,
            has_paid: false,
            l1,
            deployment,
            store,
            replica,
            chain,
        })
    }

    /// Looks at L1 and finds the next step.
    pub(super) async fn next(&mut self) -> eyre::Result<Step> {
        let status = self.status().await?;
        self.asset.check(&self.chain)?;
        let account = self.sender.address();
        let settled_block = self.settled_block().await?;
        let mut under_way = false;
        for Initiated {
            withdrawal, block, ..
        } in self.withdrawals.of(account)?
        {
            let Some((recipient, amount)) = self.asset.in_withdrawal(&withdrawal) else {
                continue;
            };
            if block > settled_block {
                under_way = true;
            } else if !self.is_paid(withdrawal.index).await? {
                let proof = Box::new(self.withdrawals.prove(withdrawal.index).await?);
                return Ok(Step::Pay {
                    proof,
                    recipient,
                    amount,
                });
            }
        }
        let waiting = self.replica.waiting().await?;
        let of_account = waiting.iter().filter(|message| message.sender == account);
        let mut withdrawing = of_account.filter(|message| self.asset.is_ordered_by(message));
        if !under_way && withdrawing.next().is_none() {
            if self.has_paid && self.amount.is_some() {
                return Ok(Step::Finished);
            }
            return Ok(self.leaving(&waiting)?.map_or(Step::Finished, Step::Queue));
        }
        if !status.is_enforced {
            return Ok(if status.l1.timestamp >= status.enforceable_from_s {
                Step::Enforce
            } else {
                Step::wait(
                    "The withdrawal waits for the operator, who may still settle it. If it has not,",
                    (status.l1.timestamp, status.enforceable_from_s),
                )
            });
        }
        if status.committed > status.settled {
            return self.pending(&status).await;
        }
        self.own_batch(status.l1).await
    }

    /// A batch that was committed before enforced mode is in the way.
    async fn pending(&self, status: &Status) -> eyre::Result<Step> {
        if let Some(record) = self.store.batch(status.settled + 1).await? {
            return Ok(Step::Settle(Box::new(record)));
        }
        if status.l1.timestamp >= status.droppable_from_s {
            return Ok(Step::Drop(status.committed - status.settled));
        }
        let reason = self.replica.underivable().await?;
        let reason = reason.map_or_else(String::new, |stuck| format!(" ({})", stuck.reason));
        let sentence = format!(
            "The operator committed batch {}, which nobody can prove{reason}. It can be dropped: for that,",
            status.settled + 1
        );
        let times = (status.l1.timestamp, status.droppable_from_s);
        Ok(Step::wait(&sentence, times))
    }

    /// A batch with the messages that wait; the one that a proof was ordered for, if it still fits.
    async fn own_batch(&self, l1: L1Head) -> eyre::Result<Step> {
        let version = self.program_version(l1.timestamp).await?;
        let parent = self.chain.head();
        let ordered = self.ordered(parent.hash()).await?;
        let batch = match ordered {
            Some(data) => Some(self.replica.build(data, version).await?),
            None => self.replica.propose(l1, version).await?,
        };
        let batch = batch.ok_or_eyre("no message waits on L1")?;
        Ok(Step::Batch(Box::new(batch)))
    }

    /// Brings the chain to L1's newest block, and reads the contracts.
    async fn status(&mut self) -> eyre::Result<Status> {
        let newest = self.l1.get_block_by_number(BlockNumberOrTag::Latest).await;
        let header = newest.wrap_err("L1 does not answer")?;
        let header = header.ok_or_eyre("L1 has no block")?.header;
        self.replica.catch_up(header.number).await?;
        let at = header.number.into();
        let (rollup, enforcement) = (&self.rollup, &self.enforcement);
        Ok(Status {
            settled: rollup.settledBatch().block(at).call().await?,
            committed: rollup.committedBatch().block(at).call().await?,
            is_enforced: rollup.enforcedSince().block(at).call().await? != 0,
            enforceable_from_s: enforcement.enforceableFrom().block(at).call().await?,
            droppable_from_s: enforcement.droppableFrom().block(at).call().await?,
            l1: L1Head {
                number: header.number,
                timestamp: header.timestamp,
                prevrandao: header.mix_hash,
            },
        })
    }

    /// Last L2 block that L1 has settled.
    async fn settled_block(&self) -> eyre::Result<u64> {
        let Some(batch) = self.store.last_batch(BatchState::Settled).await? else {
            return Ok(0);
        };
        let record = self.store.batch(batch).await?;
        Ok(record.map_or(0, |record| record.last_block))
    }

    async fn is_paid(&self, index: u64) -> eyre::Result<bool> {
        Ok(self.rollup.withdrawalFinalized(index).call().await?)
    }

    /// What the account will have on L2 when the messages that wait are executed, or the part that shall leave.
    fn leaving(&self, waiting: &[rollmill_protocol::L1Message]) -> eyre::Result<Option<U256>> {
        let (account, bridge) = (self.sender.address(), self.deployment.token_bridge());
        let held = self.asset.held(&self.chain, bridge, account, waiting)?;
        let leaving = self.amount.unwrap_or(held);
        ensure!(
            leaving <= held,
            "{account} has {} on L2, which is less than {}",
            self.asset.in_words(held),
            self.asset.in_words(leaving),
        );
        Ok((!leaving.is_zero()).then_some(leaving))
    }

    /// The step in a sentence or two.
    pub(super) fn in_words(&self, step: &Step) -> String {
        let account = self.sender.address();
        match step {
            Step::Finished if self.amount.is_some() => format!(
                "{account} has what it asked for on L1. The same command would take that amount out of L2 once more."
            ),
            Step::Finished => {
                let asset = self.asset.name();
                format!("There is nothing more of {asset} to take out of L2 for {account}.")
            }
            Step::Pay {
                proof,
                recipient,
                amount,
            } => format!(
                "Withdrawal {} is settled: L1 pays {} to {recipient}.",
                proof.withdrawal.index,
                self.asset.in_words(*amount),
            ),
            Step::Queue(amount) => format!(
                "{account} has {} on L2: queueing the withdrawal of {} on L1, which no operator can leave out.",
                self.asset.name(),
                self.asset.in_words(*amount)
            ),
            Step::Wait { sentence, left_s } => match left_s {
                Some(left_s) => format!("{sentence} run this command again in {}.", span(*left_s)),
                None => format!("{sentence} run this command again later."),
            },
            Step::Enforce => {
                "The withdrawal has waited for too long: starting enforced mode, in which nobody needs the operator."
                    .to_owned()
            }
            Step::Settle(record) => format!(
                "The operator left batch {} without a proof: proving and settling it.",
                record.number
            ),
            Step::Drop(count) => format!("Dropping {count} committed batches that nobody could prove."),
            Step::Batch(batch) => format!(
                "Making batch {} of the {} messages that wait on L1, proving it, and settling it.",
                batch.commit.batch,
                batch.messages.end - batch.messages.start
            ),
        }
    }
}
