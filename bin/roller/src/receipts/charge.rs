//! `roller receipts charge`: finds what the operator answers for with its bond, and brings it before L1.
//!
//! Candidates come from the receipts that the operator has signed ([`find`]), from L1 for seats of which the receipts tell, and from
//! proofs that stand there posted. L1 is asked about each before anything is sent, so that nothing is paid for in vain. Evidence needs no
//! bond, only gas; half of what the operator loses goes to the roller that was wronged, whoever sends it. One charge per task and roller.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use alloy::{providers::Provider, sol_types::SolEvent};
use alloy_primitives::{Address, B256, U256};
use clap::Args;
use eyre::bail;
use rollmill_l1::{
    Call, SendError,
    calls::evidence::{dropped_posted, lost_beacon},
    contracts::{
        Evidence::{self, OperatorCharged},
        Rollup::{self, Entry},
    },
    ether, purpose,
    rewards::entries,
    scr,
};
use rollmill_protocol::TaskId;
use rollmill_roller_api::receipts::SignedReceipt;
use rollmill_runtime::{LogFormat, init_tracing, outln};
use serde::Serialize;
use serde_json::json;

use super::{FILE, cases::find, of_operator};
use crate::{
    account::{Account, AccountArgs},
    config::OwnArgs,
    finished::FinishedProofs,
};

/// Arguments of `roller receipts charge`.
#[derive(Debug, Args)]
pub struct ChargeArgs {
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    own: OwnArgs,
    /// Say what was found and what it would take, and send nothing.
    #[arg(long, env = "ROLLMILL_DRY_RUN")]
    dry_run: bool,
    /// Print JSON.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

/// A charge that L1 would take now, or a contradiction that it does not take.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    batch: u64,
    /// Who was wronged; zero for nobody in particular.
    roller: Address,
    what: &'static str,
    /// Gas that it takes.
    gas: Option<u64>,
    /// Why L1 does not take it.
    refused: Option<String>,
    #[serde(skip)]
    call: Call,
}

/// What L1 knows of a task.
struct Known {
    batch: u64,
    entries: Vec<Entry>,
    is_settled: bool,
    is_paid: bool,
}

struct Charging {
    account: Account,
    roller: Address,
    finished: FinishedProofs,
    /// Batches by task.
    batches: BTreeMap<B256, u64>,
}

/// Finds, says, and unless it is told not to, sends.
pub async fn run(args: &ChargeArgs) -> eyre::Result<()> {
    init_tracing(LogFormat::Human, "warn")?;
    let data_dir = args.own.data_dir()?;
    let account = args.account.open().await?;
    let deployment = &account.deployment;
    let receipts = of_operator(&data_dir.join(FILE), deployment)?;
    let charging = Charging {
        roller: args.own.roller(&account),
        finished: FinishedProofs::of_another(data_dir),
        batches: batches(&account).await?,
        account,
    };
    let charges = charging.charges(&receipts).await?;
    let price = charging.account.sender.provider().get_gas_price().await?;
    charging.say(&charges, args.json, price)?;
    let mut failures = 0;
    for charge in charges.iter().filter(|charge| charge.gas.is_some()) {
        if !args.dry_run && !charging.send(charge, args.json).await? {
            failures += 1;
        }
    }
    if failures > 0 {
        bail!("L1 did not take {failures} of the charges");
    }
    Ok(())
}

/// Batches by task: a receipt names the task only.
async fn batches(account: &Account) -> eyre::Result<BTreeMap<B256, u64>> {
    let deployment = &account.deployment;
    let rollup = Rollup::new(deployment.rollup, account.sender.provider());
    let committed = rollup.committedBatch().call().await?;
    let of = |batch| TaskId::of_batch(deployment.chain_id, deployment.rollup, batch);
    Ok((1..=committed).map(|batch| (of(batch).0, batch)).collect())
}

impl Charging {
    async fn charges(&self, receipts: &[SignedReceipt]) -> eyre::Result<Vec<Charge>> {
        let mut known = BTreeMap::new();
        let mut charges = Vec::new();
        for case in find(receipts) {
            let Some(task) = self.known(&mut known, case.task()).await? else {
                continue;
            };
            if case.is_possible(&task.entries) {
                let call = case.call(&self.account.deployment, task.batch, &task.entries);
                let about = (task.batch, case.task(), case.roller());
                let charge = self.ask(about, case.in_words(), call).await?;
                // What L1 knows better is no news.
                charges.extend(
                    charge.filter(|charge| charge.gas.is_some() || case.is_contradiction()),
                );
            }
        }
        charges.extend(self.on_l1(receipts, &mut known).await?);
        // The contract takes one for each task and roller.
        let mut charged = BTreeSet::new();
        charges
            .retain(|charge| charge.gas.is_none() || charged.insert((charge.batch, charge.roller)));
        Ok(charges)
    }

    /// What receipts do not say of the roller's seats: a posted proof that is missing, a lottery beacon that is lost.
    async fn on_l1(
        &self,
        receipts: &[SignedReceipt],
        known: &mut BTreeMap<B256, Option<Known>>,
    ) -> eyre::Result<Vec<Charge>> {
        let contract = self.account.deployment.evidence;
        let evidence = Evidence::new(contract, self.account.sender.provider());
        let seats = receipts.iter().filter_map(|receipt| match receipt {
            SignedReceipt::Assignment(signed) => {
                let r = &signed.receipt;
                Some((r.task, r.round, r.roller))
            }
            _ => None,
        });
        let mut charges = Vec::new();
        for (task, round, roller) in seats.collect::<BTreeSet<_>>() {
            let Some(on_l1) = self.known(known, task).await? else {
                continue;
            };
            let batch = on_l1.batch;
            if on_l1.is_settled && !on_l1.is_paid && !on_l1.entries.is_empty() {
                let call = lost_beacon(contract, batch);
                let about = (batch, task, Address::ZERO);
                let what = "the lottery's beacon was not stored in time";
                let charge = self.ask(about, what, call).await?;
                charges.extend(charge.filter(|charge| charge.gas.is_some()));
            }
            let is_entered = on_l1.entries.iter().any(|entry| entry.roller == roller);
            let posted = evidence.posted(task, round, roller).call().await?;
            if posted.postedAt == 0 || is_entered {
                continue;
            }
            let Some((finished, proof)) = self.finished.find(TaskId(task), roller).await else {
                continue;
            };
            let seat = (task, round, roller);
            let values = &finished.public_values;
            let call = dropped_posted(contract, seat, values, proof, &on_l1.entries);
            let what = "a valid proof that stands on L1 was not entered";
            let charge = self.ask((batch, task, roller), what, call).await?;
            charges.extend(charge.filter(|charge| charge.gas.is_some()));
        }
        Ok(charges)
    }

    /// What L1 knows of a task, asked once; `None` for a task of another rollup.
    async fn known<'a>(
        &self,
        known: &'a mut BTreeMap<B256, Option<Known>>,
        task: B256,
    ) -> eyre::Result<Option<&'a Known>> {
        let known = match known.entry(task) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(vacant) => vacant.insert(match self.batches.get(&task) {
                Some(batch) => Some(self.read(*batch).await?),
                None => None,
            }),
        };
        Ok(known.as_ref())
    }

    async fn read(&self, batch: u64) -> eyre::Result<Known> {
        let (l1, deployment) = (self.account.sender.provider(), &self.account.deployment);
        let rollup = Rollup::new(deployment.rollup, l1);
        let stored = rollup.batches(batch).call().await?;
        Ok(Known {
            batch,
            entries: entries(l1, deployment, batch).await?,
            is_settled: stored.settledAt != 0,
            is_paid: stored.paid,
        })
    }

    /// Would L1 take it? `None` if it has taken one for this task and roller.
    async fn ask(
        &self,
        (batch, task, roller): (u64, B256, Address),
        what: &'static str,
        call: Call,
    ) -> eyre::Result<Option<Charge>> {
        let sender = &self.account.sender;
        let evidence = Evidence::new(self.account.deployment.evidence, sender.provider());
        if evidence.charged(task, roller).call().await? {
            return Ok(None);
        }
        let (gas, refused) = match sender.estimate(what, &call).await {
            Ok(gas) => (Some(gas), None),
            Err(SendError::Reverted { reason, .. }) => (None, Some(reason)),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Charge {
            batch,
            roller,
            what,
            gas,
            refused,
            call,
        }))
    }

    fn say(&self, charges: &[Charge], as_json: bool, price_wei: u128) -> eyre::Result<()> {
        if as_json {
            let found = json!({ "roller": self.roller, "charges": charges });
            outln!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(());
        }
        if charges.is_empty() {
            outln!("there is nothing to charge the operator with");
        }
        for charge in charges {
            let Charge {
                batch,
                roller,
                what,
                ..
            } = charge;
            match (charge.gas, &charge.refused) {
                (Some(gas), _) => {
                    let ether = ether(U256::from(gas) * U256::from(price_wei));
                    outln!(
                        "batch {batch}, {roller}: {what}; takes {gas} gas, about {ether}, and no bond"
                    );
                }
                (None, refused) => {
                    let why = refused.as_deref().unwrap_or_default();
                    outln!("batch {batch}, {roller}: {what}; L1 does not take it: {why}");
                }
            }
        }
        Ok(())
    }

    /// Sends a charge; `false` when L1 did not take it.
    async fn send(&self, charge: &Charge, as_json: bool) -> eyre::Result<bool> {
        let Charge { batch, roller, .. } = charge;
        let purpose = purpose::charge(*batch, *roller);
        let mined = match self.account.sender.send(&purpose, &charge.call).await {
            Ok(mined) => mined,
            Err(SendError::Reverted { reason, .. }) => {
                eprintln!("batch {batch}, {roller}: {reason}");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let mut logs = mined.receipt.logs().iter();
        let lost = logs.find_map(|log| OperatorCharged::decode_log(&log.inner).ok());
        let lost_wei = lost.map(|event| event.lostWei).unwrap_or_default();
        if !as_json {
            let (lost, hash) = (scr(lost_wei), mined.hash);
            outln!("batch {batch}, {roller}: the operator loses {lost} by {hash}");
        }
        Ok(true)
    }
}
