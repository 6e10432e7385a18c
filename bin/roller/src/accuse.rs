//! `roller accuse`: brings a proof that is not valid before L1, which fines its roller. Anybody may.
//!
//! Anybody has what that takes only of a submission that stands on L1: the roller's signature under the digest is in the transaction that posted
//! it (`Evidence.postSubmission`), and the bytes are where that says, or wherever they were found. What happens then depends on the
//! verifier of the batch's program:
//!
//! | the verifier | what is sent | what it takes |
//! |---|---|---|
//! | rejects, too | `Court.judge`: L1 runs it on the bytes | gas |
//! | accepts or says nothing | `Court.accuse`, then, when nobody answered for `DefendS`, `Court.convict` | a bond, which comes back unless somebody answers |
//!
//! Repeated, the verb goes on where L1 is.

use std::{collections::BTreeSet, path::PathBuf};

use alloy::{
    consensus::Transaction as _,
    eips::BlockId,
    providers::Provider,
    rpc::types::Log,
    sol_types::{SolCall, SolEvent},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use clap::Args;
use eyre::{WrapErr, ensure, eyre};
use rollmill_l1::{
    Call,
    calls::{self, court, same},
    contracts::{
        Court::{self, Submission, SubmissionJudged},
        Evidence::{self, SubmissionPosted, postSubmissionCall},
        MockVerifier, Parameters, RollerRegistry, Rollup,
    },
    scr,
};
use rollmill_protocol::{ProofDigest, PublicValues};
use rollmill_runtime::{LogFormat, init_tracing, outln, span};

use crate::account::{Account, AccountArgs};

/// `Key.RebuttalBondWei`.
const REBUTTAL_BOND: u8 = 7;

/// Arguments of `roller accuse`.
#[derive(Debug, Args)]
pub struct AccuseArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// The batch.
    #[arg(long, env = "ROLLMILL_BATCH")]
    batch: u64,
    /// The roller that posted the digest.
    #[arg(long, env = "ROLLMILL_ACCUSED", value_name = "ADDRESS")]
    accused: Address,
    /// Round of its seat.
    #[arg(long, env = "ROLLMILL_ROUND", default_value_t = 0)]
    round: u32,
    /// File with the posted bytes.
    #[arg(long, env = "ROLLMILL_PROOF", value_name = "FILE")]
    proof: PathBuf,
    /// Say what would be done and what it takes, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
}

struct Accusing {
    args: AccuseArgs,
    account: Account,
    /// Task, round and roller.
    seat: court::Seat,
}

/// Does the next step.
pub async fn run(args: AccuseArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let account = args.account.open().await?;
    let rollup = Rollup::new(account.deployment.rollup, account.sender.provider());
    let committed = rollup.committedBatch().call().await?;
    ensure!(
        (1..=committed).contains(&args.batch),
        "L1 has no batch {}: the newest is {committed}",
        args.batch
    );
    let task = rollup.taskId(args.batch).call().await?;
    let accusing = Accusing {
        seat: (task, args.round, args.accused),
        account,
        args,
    };
    accusing.go_on().await
}

impl Accusing {
    async fn go_on(&self) -> eyre::Result<()> {
        let l1 = self.account.sender.provider();
        let (address, (task, round, roller)) = (self.account.deployment.court, self.seat);
        let court = Court::new(address, l1);
        if court.fined(task, round, roller).call().await? {
            outln!("{roller} was fined for it");
            return Ok(());
        }
        let open = court.accusation(task, round, roller).call().await?;
        if !open.accuser.is_zero() {
            let head = l1.get_block(BlockId::latest()).await?;
            let now = head
                .ok_or_else(|| eyre!("L1 has no head"))?
                .header
                .timestamp;
            if now < open.untilS {
                let left = open.untilS - now;
                outln!("{roller} is accused and has {} left to answer", span(left));
                return Ok(());
            }
            return self
                .send("convict", court::convict(address, self.seat))
                .await;
        }
        let (submission, signature) = self.posted().await?;
        let proof = self.proof(submission.proofDigest)?;
        let call = if self.can_reject().await? {
            // It is looked at only if the proof is valid, and then there is nothing to accuse of.
            let values = PublicValues::default();
            let batch = self.args.batch;
            calls::judge(address, batch, submission, signature, &values, proof)
        } else {
            self.put_up().await?;
            if self.args.dry_run {
                return Ok(());
            }
            court::accuse(address, self.args.batch, (submission, signature))
        };
        self.send("accuse", call).await
    }

    /// What the roller signed, from the transaction that posted it.
    async fn posted(&self) -> eyre::Result<(Submission, Bytes)> {
        let (l1, deployment) = (self.account.sender.provider(), &self.account.deployment);
        let events = Evidence::new(deployment.evidence, l1)
            .SubmissionPosted_filter()
            .topic1(B256::from(U256::from(self.args.batch)))
            .topic2(self.args.accused.into_word())
            .from_block(deployment.block)
            .query()
            .await?;
        let of_round = |(event, _): &&(SubmissionPosted, Log)| event.round == self.args.round;
        let Some((_, log)) = events.iter().find(of_round) else {
            let rounds = events.iter().map(|(event, _)| event.round).collect();
            return Err(self.not_posted(&rounds).await?);
        };
        let hash = log.transaction_hash.unwrap_or_default();
        let found = l1.get_transaction_by_hash(hash).await?;
        let found = found.ok_or_else(|| eyre!("L1 does not have the transaction {hash}"))?;
        let call = postSubmissionCall::abi_decode(found.input());
        let call = call.wrap_err_with(|| format!("{hash} posted it through another contract"))?;
        Ok((same(&call.s), call.signature))
    }

    /// Why there is no submission of the accused in this round; `rounds` are those in which there is one.
    async fn not_posted(&self, rounds: &BTreeSet<u32>) -> eyre::Result<eyre::Report> {
        let AccuseArgs {
            batch,
            accused,
            round,
            ..
        } = &self.args;
        if let Some(posted) = rounds.first() {
            return Ok(eyre!(
                "{accused} has posted nothing for batch {batch} in round {round}, but in round {posted}: name it by --round"
            ));
        }
        let (l1, deployment) = (self.account.sender.provider(), &self.account.deployment);
        let registry = RollerRegistry::new(deployment.registry, l1);
        if registry.isRegistered(*accused).call().await? {
            return Ok(eyre!("{accused} has posted nothing for batch {batch}"));
        }
        let roller = registry.rollerOf(*accused).call().await?;
        Ok(match roller.is_zero() {
            true => eyre!("{accused} is no roller on L1"),
            false => eyre!("{accused} is no roller, but the signer of one: accuse {roller}"),
        })
    }

    fn proof(&self, posted: B256) -> eyre::Result<Bytes> {
        let path = &self.args.proof;
        let bytes = std::fs::read(path);
        let bytes = bytes.wrap_err_with(|| format!("cannot read {}", path.display()))?;
        let digest = ProofDigest::of(&bytes).0;
        ensure!(
            digest == posted,
            "{} has the digest {digest}, {posted} was posted",
            path.display()
        );
        Ok(bytes.into())
    }

    /// Whether the verifier of the batch's program decides on any bytes.
    async fn can_reject(&self) -> eyre::Result<bool> {
        let l1 = self.account.sender.provider();
        let rollup = Rollup::new(self.account.deployment.rollup, l1);
        let batch = rollup.batches(self.args.batch).call().await?;
        let program = rollup.programs(batch.programVersion).call().await?;
        // Every verifier has this function.
        Ok(MockVerifier::new(program.verifier, l1)
            .total()
            .call()
            .await?)
    }

    /// Lets the court take the accuser's bond.
    async fn put_up(&self) -> eyre::Result<()> {
        let (l1, deployment) = (self.account.sender.provider(), &self.account.deployment);
        let table = Parameters::new(deployment.parameter_table, l1);
        let court = Court::new(deployment.court, l1);
        let fine = court.fineWei(self.args.batch).call().await?;
        let bond_wei = fine.max(table.value(REBUTTAL_BOND).call().await?);
        outln!(
            "the accusation takes a bond of {}, which is lost if somebody answers",
            scr(bond_wei)
        );
        match self.args.dry_run {
            true => Ok(()),
            false => self.account.allow(deployment.court, bond_wei).await,
        }
    }

    async fn send(&self, what: &str, call: Call) -> eyre::Result<()> {
        let AccuseArgs { batch, accused, .. } = &self.args;
        let purpose = format!("{what}/{batch}/{}/{accused}", self.args.round);
        let gas = self.account.sender.estimate(&purpose, &call).await?;
        outln!("{what} {accused} for batch {batch}: {gas} gas");
        if self.args.dry_run {
            return Ok(());
        }
        let mined = self.account.sender.send(&purpose, &call).await?;
        let mut logs = mined.receipt.logs().iter();
        let judged = logs.find_map(|log| SubmissionJudged::decode_log(&log.inner).ok());
        let fined = judged.map_or_else(String::new, |judged| {
            format!(", who is fined {}", scr(judged.fineWei))
        });
        outln!("done by {}{fined}", mined.hash);
        Ok(())
    }
}
