//! Is a deployment file true of this L1?
//!
//! A file can be of another chain, of one that was started anew, of another rollup, or changed by hand. What it says is compared
//! with what the contracts say of themselves, before anybody works with it:
//!
//! | in the file | on L1 |
//! |---|---|
//! | chain id | L1's |
//! | addresses | have code, and are those that the contracts name among themselves; what Rollup's constructor created is where it must be |
//! | operator, L2's chain id, limits, program delay | Rollup's |
//! | the law | its hash is Control's; its lags, least stake and fines are those of the contracts that know them |
//! | governor, parameters | those of the table, as far as nobody has changed them since |
//! | unbonding, emission | RollerRegistry's, Emission's |
//! | L2's genesis | Rollup's batch 0 |
//! | first block | the token, which is created first, has code at this block and none at the one before |
//!
//! An endpoint without old states cannot tell when a contract was created; then that line is not compared, and a warning says so.

use std::fmt::Display;

use alloy::{
    contract::Error as ContractError,
    eips::BlockId,
    primitives::{Address, U256},
    providers::{DynProvider, Provider},
    transports::{RpcError, TransportError},
};

use crate::{
    Deployment,
    contracts::{
        Control, Emission, Evidence, FeeAuction, Messenger, OperatorBond, Parameters as Table,
        RollerRegistry, Rollup, Settlement, TokenBridge,
    },
    creations::first_values,
};

/// A deployment file is not true of this L1: the operator must look at the file or at the endpoint.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// L1 does not answer: try again.
    #[error("L1 does not answer")]
    Rpc(#[from] TransportError),
    /// Another chain.
    #[error("this chain has id {found}, the rollup is on {expected}")]
    WrongChain {
        /// L1's.
        found: u64,
        /// The file's.
        expected: u64,
    },
    /// There is no code where the file says: another L1, or one that was started anew.
    #[error(
        "this L1 has no code at {address}, where the deployment file says that {name} is: it is another L1, or one that \
         was started anew"
    )]
    NoCode {
        /// The contract's name.
        name: &'static str,
        /// The empty address.
        address: Address,
    },
    /// There is code, and it does not answer as the contract would.
    #[error("the contract at {address} is no {name} of this version")]
    OtherContract {
        /// The contract's name.
        name: &'static str,
        /// Its address.
        address: Address,
        /// What it answered.
        source: Box<ContractError>,
    },
    /// A value in the file is not the contract's.
    #[error("on L1 the rollup's {what} is {found}, the deployment file says {expected}")]
    Differs {
        /// The value's name.
        what: &'static str,
        /// On L1.
        found: String,
        /// In the file.
        expected: String,
    },
    /// Readers that start there would miss what came before.
    #[error(
        "the deployment file says that the contracts were created in L1 block {block}, but they were there before: what \
         happened in between would be missed"
    )]
    BlockTooLate {
        /// The file's first block.
        block: u64,
    },
    /// Readers that start there would read what cannot concern them.
    #[error(
        "the deployment file says that the contracts were created in L1 block {block}, but they were not there yet"
    )]
    BlockTooEarly {
        /// The file's first block.
        block: u64,
    },
}

/// Compares `deployment` with what is on L1; the module's documentation says what.
///
/// # Errors
/// [`VerifyError`]: the first difference.
pub async fn verify(l1: &DynProvider, deployment: &Deployment) -> Result<(), VerifyError> {
    let found = l1.get_chain_id().await?;
    if found != deployment.chain_id {
        return Err(VerifyError::WrongChain {
            found,
            expected: deployment.chain_id,
        });
    }
    for (name, address) in deployment.named() {
        if l1.get_code_at(address).await?.is_empty() {
            return Err(VerifyError::NoCode { name, address });
        }
    }
    rollup(l1, deployment).await?;
    neighbours(l1, deployment).await?;
    law(l1, deployment).await?;
    parameters(l1, deployment).await?;
    bridge(l1, deployment).await?;
    auction(l1, deployment).await?;
    first_block(l1, deployment).await
}

/// What Rollup says of itself.
async fn rollup(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let rollup = Rollup::new(d.rollup, l1.clone());
    let read = |error| unreadable("Rollup", d.rollup, error);
    let genesis = rollup.batches(0).call().await.map_err(read)?;
    let expected = d.genesis;
    same("genesis block hash", genesis.blockHash, expected.block_hash)?;
    same("genesis state root", genesis.stateRoot, expected.state_root)?;
    let root = genesis.withdrawalRoot;
    same("genesis withdrawal root", root, expected.withdrawal_root)?;
    let timestamp = genesis.lastTimestamp;
    same("genesis timestamp", timestamp, expected.timestamp)?;

    let l2_chain_id = rollup.l2ChainId().call().await.map_err(read)?;
    same("L2 chain id", l2_chain_id, d.l2_chain_id)?;
    let operator = rollup.operator().call().await.map_err(read)?;
    same("operator", operator, d.operator)?;
    let registry = rollup.registry().call().await.map_err(read)?;
    same("registry", registry, d.registry)?;
    let reward_pool = rollup.rewardPool().call().await.map_err(read)?;
    same("reward pool", reward_pool, d.reward_pool)?;
    let table = rollup.parameters().call().await.map_err(read)?;
    same("parameter table", table, d.parameter_table)?;
    let control = rollup.control().call().await.map_err(read)?;
    same("control", control, d.control)?;
    let bond = rollup.bond().call().await.map_err(read)?;
    same("bond", bond, d.bond)?;
    let emission = rollup.emission().call().await.map_err(read)?;
    same("emission", emission, d.emission)?;
    let program = rollup.programs(1).call().await.map_err(read)?;
    same("verifier", program.verifier, d.verifier)?;

    let fixed = &d.parameters;
    let force_s = rollup.forceS().call().await.map_err(read)?;
    same("force delay", force_s, fixed.force_s)?;
    let future_s = rollup.futureS().call().await.map_err(read)?;
    same("time ahead of L1", future_s, fixed.future_s)?;
    let program_delay_s = rollup.programDelayS().call().await.map_err(read)?;
    same("program delay", program_delay_s, fixed.program_delay_s)?;
    let price_wei = rollup.messageGasPriceWei().call().await.map_err(read)?;
    let expected = fixed.message_gas_price_wei;
    same("price of a message's gas", price_wei, expected)?;
    let gas_max = rollup.messageGasMax().call().await.map_err(read)?;
    same("gas limit of a message", gas_max, fixed.message_gas_max)
}

/// What is named only by the contracts beside Rollup.
async fn neighbours(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let registry = RollerRegistry::new(d.registry, l1.clone());
    let read = |error| unreadable("RollerRegistry", d.registry, error);
    let token = registry.token().call().await.map_err(read)?;
    same("token", token, d.token)?;
    let court = registry.court().call().await.map_err(read)?;
    same("court", court, d.court)?;
    let bond = OperatorBond::new(d.bond, l1.clone());
    let evidence = bond.evidence().call().await;
    let evidence = evidence.map_err(|error| unreadable("OperatorBond", d.bond, error))?;
    same("evidence", evidence, d.evidence)?;
    let judge = Evidence::new(d.evidence, l1.clone());
    let draws = judge.draws().call().await;
    let draws = draws.map_err(|error| unreadable("Evidence", d.evidence, error))?;
    same("draws", draws, d.draws)?;
    let settlement = Settlement::new(d.settlement, l1.clone());
    let read = |error| unreadable("Settlement", d.settlement, error);
    let rollup = settlement.rollup().call().await.map_err(read)?;
    same("settlement's rollup", rollup, d.rollup)?;
    let settler = judge.settlement().call().await;
    let settler = settler.map_err(|error| unreadable("Evidence", d.evidence, error))?;
    same("settlement", settler, d.settlement)
}

/// The law by its hash, and what the contracts know of it.
async fn law(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let law = &d.law;
    let control = Control::new(d.control, l1.clone());
    let hash = control.lawHash().call().await;
    let hash = hash.map_err(|error| unreadable("Control", d.control, error))?;
    same("law", hash, law.hash())?;
    let rollup = Rollup::new(d.rollup, l1.clone());
    let read = |error| unreadable("Rollup", d.rollup, error);
    let draw_lag = rollup.drawLag().call().await.map_err(read)?;
    same("draw lag", draw_lag, law.draw_lag_blocks)?;
    let lottery_lag = rollup.lotteryLag().call().await.map_err(read)?;
    same("lottery lag", lottery_lag, law.lottery_lag_blocks)?;
    let registry = RollerRegistry::new(d.registry, l1.clone());
    let stake = registry.stakeMinWei().call().await;
    let stake = stake.map_err(|error| unreadable("RollerRegistry", d.registry, error))?;
    same("least stake", stake, U256::from(law.stake_min.0))
}

/// What the governor can change, unless it did, and what nobody can.
async fn parameters(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let contract = Table::new(d.parameter_table, l1.clone());
    let read = |error| unreadable("Parameters", d.parameter_table, error);
    let governor = contract.governor().call().await.map_err(read)?;
    same("governor", governor, d.governor)?;
    for (key, (name, expected)) in (0u8..).zip(first_values(&d.law, &d.parameters)) {
        let known = contract.announced(key).call().await.map_err(read)?;
        if known.activeFromS == 0 {
            same(name, known.value_, U256::from(expected))?;
        }
    }
    let registry = RollerRegistry::new(d.registry, l1.clone());
    let unbond_s = registry.unbondS().call().await;
    let unbond_s = unbond_s.map_err(|error| unreadable("RollerRegistry", d.registry, error))?;
    same("time of unbonding", unbond_s, d.parameters.unbond_s)?;
    let emission = Emission::new(d.emission, l1.clone());
    let read = |error| unreadable("Emission", d.emission, error);
    let expected = &d.parameters.incentives;
    let epoch_s = emission.epochS().call().await.map_err(read)?;
    same("emission epoch", epoch_s, expected.emission_epoch_s)?;
    let halving = emission.halvingEpochs().call().await.map_err(read)?;
    same(
        "emission's halving",
        halving,
        expected.emission_halving_epochs,
    )?;
    let pot_wei = emission.firstPotWei().call().await.map_err(read)?;
    same(
        "first pot of the emission",
        pot_wei,
        expected.emission_pot_wei,
    )
}

/// What Rollup's constructor created, by its address: what it was created with.
async fn bridge(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let address = d.messenger();
    let messenger = Messenger::new(address, l1.clone());
    let read = |error| unreadable("Messenger", address, error);
    let rollup = messenger.rollup().call().await.map_err(read)?;
    same("messenger's rollup", rollup, d.rollup)?;
    let l2_chain_id = messenger.l2ChainId().call().await.map_err(read)?;
    same("messenger's L2 chain id", l2_chain_id, d.l2_chain_id)?;
    let rollup = Rollup::new(d.rollup, l1.clone());
    let named = rollup.messenger().call().await;
    let named = named.map_err(|error| unreadable("Rollup", d.rollup, error))?;
    same("messenger", named, address)?;
    let bridge = TokenBridge::new(d.token_bridge(), l1.clone());
    let read = |error| unreadable("TokenBridge", d.token_bridge(), error);
    let rollup = bridge.rollup().call().await.map_err(read)?;
    same("token bridge's rollup", rollup, d.rollup)?;
    let messenger = bridge.messenger().call().await.map_err(read)?;
    same("token bridge's messenger", messenger, address)
}

/// The same for what sells proving fees.
async fn auction(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let auction = FeeAuction::new(d.fee_auction(), l1.clone());
    let read = |error| unreadable("FeeAuction", d.fee_auction(), error);
    let token = auction.token().call().await.map_err(read)?;
    same("fee auction's token", token, d.token)?;
    let pool = auction.rewardPool().call().await.map_err(read)?;
    same("fee auction's reward pool", pool, d.reward_pool)
}

async fn first_block(l1: &DynProvider, d: &Deployment) -> Result<(), VerifyError> {
    let block = d.block;
    if l1.get_block_number().await? < block {
        return Err(VerifyError::BlockTooLate { block });
    }
    if let Some(before) = block.checked_sub(1)
        && has_code(l1, d.token, before).await? == Some(true)
    {
        return Err(VerifyError::BlockTooLate { block });
    }
    if has_code(l1, d.token, block).await? == Some(false) {
        return Err(VerifyError::BlockTooEarly { block });
    }
    Ok(())
}

/// Whether the account had code at the end of a block; `None` when the endpoint does not have that state.
async fn has_code(
    l1: &DynProvider,
    account: Address,
    block: u64,
) -> Result<Option<bool>, TransportError> {
    let code = l1
        .get_code_at(account)
        .block_id(BlockId::number(block))
        .await;
    match code {
        Ok(code) => Ok(Some(!code.is_empty())),
        Err(RpcError::ErrorResp(error)) => {
            tracing::warn!(
                block,
                %error,
                "this L1 endpoint has no state of that block: whether the contracts were created there is not checked"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn same<T: PartialEq + Display>(
    what: &'static str,
    found: T,
    expected: T,
) -> Result<(), VerifyError> {
    if found == expected {
        return Ok(());
    }
    Err(VerifyError::Differs {
        what,
        found: found.to_string(),
        expected: expected.to_string(),
    })
}

/// A refusal or another form of answer is the contract's; silence is L1's.
fn unreadable(name: &'static str, address: Address, error: ContractError) -> VerifyError {
    match error {
        ContractError::TransportError(error) if !error.is_error_resp() => VerifyError::Rpc(error),
        source => VerifyError::OtherContract {
            name,
            address,
            source: Box::new(source),
        },
    }
}
