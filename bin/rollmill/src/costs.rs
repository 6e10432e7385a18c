//! What L1 knows of the operator: its account, its bond, what its newest batches cost, and whether it still has its privilege.

use std::collections::BTreeSet;

use alloy::providers::{DynProvider, Provider};
use alloy_primitives::{B256, U64, U256};
use eyre::{WrapErr, ensure};
use rollmill_l1::{
    Deployment,
    contracts::{Enforcement, OperatorBond, RewardPool, Rollup},
    ether, scr,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{fees::Takings, node::connect_l1};

/// Newest settled batches whose transactions on L1 are counted.
const BATCHES: u64 = 8;

/// L1's part of the look.
pub struct L1 {
    /// Since when the operator has no privilege, unix seconds; 0: it has it.
    enforced_since_s: u64,
    /// From when anybody may take it away, unix seconds; 2^64 - 1 while nothing waits.
    pub enforceable_from_s: u64,
    /// What the operator's account has, wei.
    operator_wei: U256,
    /// The operator's bond, and the part of it that open batches need, SCR-wei.
    bond_wei: [U256; 2],
    /// What rollers can be paid from, SCR-wei.
    pool_wei: U256,
    takings: Takings,
    spent: Spent,
}

/// Commits and settlements of the newest settled batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub batches: u64,
    pub wei: U256,
}

/// What `rollmill_getBatch` says of a batch's way to L1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnL1 {
    commit_transaction: Option<Transaction>,
    settle_transaction: Option<Transaction>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    hash: B256,
}

impl L1 {
    /// As L1 at `url` has it.
    pub async fn read_at(
        url: &str,
        node: &DynProvider,
        deployment: &Deployment,
    ) -> eyre::Result<Self> {
        let (l1, chain_id) = connect_l1(url).await?;
        ensure!(
            chain_id == deployment.chain_id,
            "the rollup is on chain {}, {url} is chain {chain_id}",
            deployment.chain_id
        );
        let read = Self::read((&l1, node), deployment).await;
        read.wrap_err_with(|| format!("cannot read the rollup's contracts at {url}"))
    }

    /// As both chains have it.
    pub async fn read(
        (l1, node): (&DynProvider, &DynProvider),
        deployment: &Deployment,
    ) -> eyre::Result<Self> {
        let bond = OperatorBond::new(deployment.bond, l1);
        let enforcement = Enforcement::new(deployment.enforcement, l1);
        let pool = RewardPool::new(deployment.reward_pool, l1);
        let rollup = Rollup::new(deployment.rollup, l1);
        let settled = rollup.settledBatch().call().await?;
        Ok(Self {
            enforced_since_s: rollup.enforcedSince().call().await?,
            enforceable_from_s: enforcement.enforceableFrom().call().await?,
            operator_wei: l1.get_balance(deployment.operator).await?,
            bond_wei: [
                bond.bondWei().call().await?,
                bond.exposedWei().call().await?,
            ],
            pool_wei: pool.available().call().await?,
            takings: Takings::read(deployment, (l1, node)).await?,
            spent: Spent::read(l1, node, settled).await?,
        })
    }

    /// Since when the chain goes on without its operator.
    pub fn enforced_since(&self) -> Option<u64> {
        Some(self.enforced_since_s).filter(|since| *since != 0)
    }

    pub fn lines(&self) -> Vec<String> {
        let [on_l2, on_l1] = self.takings.sentences();
        let [bond, exposed] = self.bond_wei.map(scr);
        vec![
            format!("fees       {on_l2}; {on_l1}"),
            format!("L1         {}", self.spent.sentence(self.operator_wei)),
            format!(
                "bond       {bond}, of which open batches need {exposed}; the pool can pay {}",
                scr(self.pool_wei)
            ),
        ]
    }

    /// Amounts are texts: JSON's numbers lose digits.
    pub fn json(&self) -> Value {
        let [vaults, auction] = self.takings.json();
        let [bond, exposed] = self.bond_wei.map(|wei| wei.to_string());
        json!({
            "enforcedSince": self.enforced_since(),
            "enforceableFrom": self.enforceable_from_s,
            "operatorWei": self.operator_wei.to_string(),
            "bondWei": bond,
            "exposedWei": exposed,
            "poolWei": self.pool_wei.to_string(),
            "vaults": vaults,
            "auction": auction,
            "spent": {"batches": self.spent.batches, "wei": self.spent.wei.to_string()},
        })
    }
}

impl Spent {
    async fn read(l1: &DynProvider, node: &DynProvider, settled: u64) -> eyre::Result<Self> {
        let first = settled.saturating_sub(BATCHES - 1).max(1);
        // One settlement can be of several batches.
        let mut transactions = BTreeSet::new();
        let mut spent = Self::default();
        for batch in first..=settled {
            let params = json!([U64::from(batch)]);
            let found: Option<OnL1> = node.raw_request("rollmill_getBatch".into(), params).await?;
            // The node can be behind L1, or another account have settled it.
            let sent =
                found.and_then(|found| found.commit_transaction.zip(found.settle_transaction));
            let Some((commit, settle)) = sent else {
                continue;
            };
            transactions.extend([commit.hash, settle.hash]);
            spent.batches += 1;
        }
        for hash in transactions {
            let Some(receipt) = l1.get_transaction_receipt(hash).await? else {
                continue;
            };
            let gas = u128::from(receipt.gas_used).saturating_mul(receipt.effective_gas_price);
            let blobs = u128::from(receipt.blob_gas_used.unwrap_or_default())
                .saturating_mul(receipt.blob_gas_price.unwrap_or_default());
            spent.wei += U256::from(gas.saturating_add(blobs));
        }
        Ok(spent)
    }

    /// What a batch costs, and for how many an account has ether.
    pub fn sentence(&self, has_wei: U256) -> String {
        let has = format!("the operator has {}", ether(has_wei));
        let Some(each) = self.wei.checked_div(U256::from(self.batches)) else {
            return format!("{has}; nothing is settled yet");
        };
        let costs = format!(
            "commit and settlement of the last {} batches cost {} each",
            self.batches,
            ether(each)
        );
        match has_wei.checked_div(each) {
            Some(more) => format!("{has}; {costs}: enough for {more} more"),
            None => format!("{has}; {costs}"),
        }
    }
}
