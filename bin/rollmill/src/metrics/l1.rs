//! L1 as the operator needs it: there, read to its end, and willing to take the operator's money.

use alloy::providers::Provider;
use rollmill_l1::{Deployment, Sender, contracts::Rollup, units};
use rollmill_runtime::metrics::{Gauge, Level, Registry, metric};

use super::set;

/// What L1 says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1State {
    /// Its newest block.
    pub head: u64,
    /// What the operator's account has, ether.
    pub balance: f64,
    /// What it asks for a unit of gas, wei.
    pub gas_price_wei: u128,
    /// The chain is without its operator's privilege.
    pub is_enforced: bool,
}

impl L1State {
    /// Asks L1.
    pub async fn read(sender: &Sender, deployment: &Deployment) -> eyre::Result<Self> {
        let l1 = sender.provider();
        let rollup = Rollup::new(deployment.rollup, l1.clone());
        Ok(Self {
            head: l1.get_block_number().await?,
            balance: units(l1.get_balance(sender.address()).await?),
            gas_price_wei: l1.get_gas_price().await?,
            is_enforced: rollup.enforcedSince().call().await? != 0,
        })
    }

    /// For how many transactions of so much gas the operator's ether suffices at the present price.
    pub fn transactions_left(&self, gas: u64) -> f64 {
        let price = self.gas_price_wei.max(1) as f64 / 1e18;
        self.balance / (price * gas as f64)
    }
}

/// The metrics.
#[derive(Debug)]
pub struct L1Metrics {
    head: Gauge,
    read: Gauge,
    balance: Level,
    gas_price: Level,
}

impl L1Metrics {
    /// Registers them.
    pub fn new(registry: &mut Registry) -> Self {
        let help = "Number of L1's newest block";
        let head = metric(registry, ("l1_head", "blocks"), help);
        let help = "Number of the last block of L1 that the coordinator has read";
        let read = metric(registry, ("l1_read", "blocks"), help);
        let help = "What the operator's account has on L1";
        let balance = metric(registry, ("l1_balance", "ether"), help);
        let help = "What L1 asks for a unit of gas";
        let gas_price = metric(registry, ("l1_gas_price", "wei"), help);
        Self {
            head,
            read,
            balance,
            gas_price,
        }
    }

    /// Shows what L1 says.
    pub fn show(&self, state: &L1State) {
        set(&self.head, state.head);
        self.balance.set(state.balance);
        self.gas_price.set(state.gas_price_wei as f64);
    }

    /// Shows how far it is read.
    pub fn show_read(&self, block: u64) {
        set(&self.read, block);
    }
}
