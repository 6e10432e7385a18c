//! What L1 has on record about a roller, and the rules that its stake follows.

use alloy::{eips::BlockId, providers::Provider};
use alloy_primitives::{Address, U256};
use eyre::{WrapErr, ensure, eyre};
use rollmill_l1::{
    Deployment, DynProvider,
    contracts::RollerRegistry::{self, Roller, RollerRegistryInstance},
};

/// A roller's place in the registry, whether it is registered or not.
#[derive(Clone, Debug)]
pub struct Record {
    /// The address that registers, or did.
    pub owner: Address,
    /// The record; all zero before the registration.
    pub roller: Roller,
    /// Stake that open accusations claim, SCR-wei.
    pub frozen_wei: U256,
    /// Below this stake nobody is drawn, SCR-wei.
    pub stake_min_wei: U256,
    /// Seconds between `roller unbond` and `roller withdraw`.
    pub unbond_s: u64,
    /// L1's time, Unix seconds.
    pub now_unix_s: u64,
}

/// The contract.
pub fn registry(deployment: &Deployment, l1: &DynProvider) -> RollerRegistryInstance<DynProvider> {
    RollerRegistry::new(deployment.registry, l1.clone())
}

impl Record {
    /// Reads it.
    pub async fn read(
        deployment: &Deployment,
        l1: &DynProvider,
        owner: Address,
    ) -> eyre::Result<Self> {
        let registry = registry(deployment, l1);
        let unreadable = "cannot read the roller registry on L1";
        let head = l1.get_block(BlockId::latest()).await.wrap_err(unreadable)?;
        let head = head.ok_or_else(|| eyre!("L1 has no head"))?;
        Ok(Self {
            owner,
            roller: registry.rollers(owner).call().await.wrap_err(unreadable)?,
            frozen_wei: registry
                .frozenWei(owner)
                .call()
                .await
                .wrap_err(unreadable)?,
            stake_min_wei: registry.stakeMinWei().call().await.wrap_err(unreadable)?,
            unbond_s: registry.unbondS().call().await.wrap_err(unreadable)?,
            now_unix_s: head.header.timestamp,
        })
    }

    /// Whether the owner has registered.
    pub fn is_registered(&self) -> bool {
        !self.roller.signer.is_zero()
    }

    /// Fails with a sentence if the owner has not registered.
    pub fn ensure_registered(&self) -> eyre::Result<()> {
        ensure!(
            self.is_registered(),
            "{} is not registered on L1: run `roller stake` first",
            self.owner
        );
        Ok(())
    }

    /// Stake that counts, SCR-wei.
    pub fn stake_wei(&self) -> U256 {
        U256::from(self.roller.stakeWei)
    }

    /// Stake on its way out, SCR-wei.
    pub fn unbonding_wei(&self) -> U256 {
        U256::from(self.roller.unbondingWei)
    }
}

/// A record for tests: registered with `stake_scr`, of which nothing is frozen.
#[cfg(test)]
pub fn recorded(stake_scr: u64) -> Record {
    Record {
        owner: Address::repeat_byte(1),
        roller: Roller {
            signer: Address::repeat_byte(2),
            payout: Address::repeat_byte(3),
            capacity: 1,
            ready: true,
            unbondAt: 0,
            changedAt: 0,
            stakeWei: scr(stake_scr).to(),
            unbondingWei: 0,
        },
        frozen_wei: U256::ZERO,
        stake_min_wei: scr(100),
        unbond_s: 15 * 86_400,
        now_unix_s: 1_000_000,
    }
}

/// SCR in SCR-wei, for tests.
#[cfg(test)]
pub fn scr(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}
