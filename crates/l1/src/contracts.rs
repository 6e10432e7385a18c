//! Bindings of the L1 contracts and of the L2 contracts, generated from the committed artifacts, creation code included.
//! Calls of Rollup, Settlement, Court and Enforcement with public values are in [`crate::calls`].
#![allow(
    missing_docs,
    clippy::too_many_arguments,
    reason = "generated; the Solidity interfaces are the documentation"
)]

use alloy::sol;
use rollmill_protocol::{Withdrawal, aggregate::Contribution};

sol! {
    #[sol(rpc, all_derives)]
    Rollup,
    concat!(env!("OUT_DIR"), "/Rollup.json")
}

sol! {
    #[sol(rpc, all_derives)]
    RollerRegistry,
    "../../contracts/artifacts/RollerRegistry.json"
}

sol! {
    #[sol(rpc, all_derives)]
    RewardPool,
    "../../contracts/artifacts/RewardPool.json"
}

sol! {
    #[sol(rpc, all_derives)]
    ScrToken,
    "../../contracts/artifacts/ScrToken.json"
}

sol! {
    #[sol(rpc, all_derives)]
    StarkPrecompileVerifier,
    "../../contracts/artifacts/StarkPrecompileVerifier.json"
}

sol! {
    #[sol(rpc, all_derives)]
    MockVerifier,
    "../../contracts/artifacts/MockVerifier.json"
}

sol! {
    #[sol(rpc, all_derives)]
    FeeAuction,
    "../../contracts/artifacts/FeeAuction.json"
}

sol! {
    #[sol(rpc, all_derives)]
    FeeVault,
    "../../contracts/artifacts/FeeVault.json"
}

sol! {
    #[sol(rpc, all_derives)]
    FeeSchedule,
    "../../contracts/artifacts/FeeSchedule.json"
}

sol! {
    #[sol(rpc, all_derives)]
    WithdrawalQueue,
    "../../contracts/artifacts/WithdrawalQueue.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Messenger,
    "../../contracts/artifacts/Messenger.json"
}

sol! {
    #[sol(rpc, all_derives)]
    TokenBridge,
    "../../contracts/artifacts/TokenBridge.json"
}

sol! {
    #[sol(rpc, all_derives)]
    L2TokenBridge,
    "../../contracts/artifacts/L2TokenBridge.json"
}

sol! {
    #[sol(rpc, all_derives)]
    BridgedToken,
    "../../contracts/artifacts/BridgedToken.json"
}

sol! {
    #[sol(rpc, all_derives)]
    ExampleToken,
    "../../contracts/artifacts/ExampleToken.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Parameters,
    "../../contracts/artifacts/Parameters.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Control,
    "../../contracts/artifacts/Control.json"
}

sol! {
    #[sol(rpc, all_derives)]
    OperatorBond,
    "../../contracts/artifacts/OperatorBond.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Emission,
    "../../contracts/artifacts/Emission.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Court,
    concat!(env!("OUT_DIR"), "/Court.json")
}

sol! {
    #[sol(rpc, all_derives)]
    Evidence,
    concat!(env!("OUT_DIR"), "/Evidence.json")
}

sol! {
    #[sol(rpc, all_derives)]
    Draws,
    "../../contracts/artifacts/Draws.json"
}

sol! {
    #[sol(rpc, all_derives)]
    Enforcement,
    concat!(env!("OUT_DIR"), "/Enforcement.json")
}

sol! {
    #[sol(rpc, all_derives)]
    Settlement,
    concat!(env!("OUT_DIR"), "/Settlement.json")
}

/// As its event on L2 says it.
impl From<WithdrawalQueue::WithdrawalInitiated> for Withdrawal {
    fn from(event: WithdrawalQueue::WithdrawalInitiated) -> Self {
        Self {
            // The tree has 2^32 leaves.
            index: event.index.saturating_to(),
            sender: event.sender,
            recipient: event.recipient,
            amount_wei: event.amountWei,
            data: event.data,
        }
    }
}

/// As `Settlement` takes it.
impl From<&Contribution> for Settlement::Contribution {
    fn from(contribution: &Contribution) -> Self {
        Self {
            roller: contribution.roller,
            proverGas: contribution.prover_gas,
            proof: contribution.proof.0,
        }
    }
}

/// As `Rollup.finalizeWithdrawal` takes it.
impl From<Withdrawal> for Rollup::Withdrawal {
    fn from(withdrawal: Withdrawal) -> Self {
        Self {
            index: withdrawal.index,
            sender: withdrawal.sender,
            recipient: withdrawal.recipient,
            amountWei: withdrawal.amount_wei,
            data: withdrawal.data,
        }
    }
}
