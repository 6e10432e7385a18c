//! Simulated transactions: `eth_call` and `eth_estimateGas`.
//!
//! Both run the chain's EVM (its fork, its precompiles) on the state after a block and throw the changes away. What a
//! simulation may do and a transaction may not: any sender without a signature, any nonce, a price of zero under any base
//! fee, more gas than one transaction or block holds (up to [`CALL_GAS_MAX`]).

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_consensus::{Header, Sealed};
use alloy_evm::{
    EvmEnv,
    overrides::{apply_block_overrides, apply_state_overrides},
    rpc::TryIntoTxEnv,
};
use alloy_primitives::{Bytes, TxKind, U256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{
    Database, ExecuteEvm,
    context::{
        BlockEnv, Cfg as _, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    database::State,
};
use rollmill_stf::{
    BlockAttributes,
    evm::{block_evm, evm_env},
    header::next_header,
    state::StateDb,
};
use thiserror::Error;

use crate::{chain::Chain, rpc::CALL_GAS_MAX};

/// Gas of a transfer to an account without code.
const TRANSFER_GAS: u64 = 21_000;
/// An estimate is at most this many parts in a thousand above the least gas that works.
const ESTIMATE_ERROR_PER_MILLE: u64 = 15;

/// Why a simulation has no result.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// It ended with REVERT and this output.
    #[error("execution reverted")]
    Reverted(Bytes),
    /// It used up its gas for another reason.
    #[error("{0}")]
    Halted(String),
    /// It is no valid transaction; the text is go-ethereum's where clients match on it.
    #[error("{0}")]
    Invalid(String),
    /// Its gas limit does not even pay for its data.
    #[error("intrinsic gas too low: {0}")]
    IntrinsicGas(String),
    /// No gas limit up to this one is enough.
    #[error("gas required exceeds allowance ({0})")]
    Allowance(u64),
    /// The state could not be read.
    #[error("{0}")]
    State(String),
}

/// Where a simulation runs.
pub(crate) struct CallPlace {
    /// The block it sees.
    env: Header,
    /// The block whose final state it sees.
    state: Sealed<Header>,
    /// The block is not there yet: see [`CallPlace::after`].
    next: bool,
    pub(crate) state_overrides: Option<StateOverride>,
    pub(crate) block_overrides: Option<Box<BlockOverrides>>,
}

impl CallPlace {
    /// At the end of a block, as go-ethereum does it: the block's own number and time.
    pub(crate) fn at(header: Sealed<Header>) -> Self {
        let env = Header::clone(&header);
        Self {
            env,
            state: header,
            next: false,
            state_overrides: None,
            block_overrides: None,
        }
    }

    /// In the block that follows the newest one.
    pub(crate) fn after(head: &Sealed<Header>) -> Self {
        Self {
            next: true,
            ..Self::at(head.clone())
        }
    }

    /// The header of the block it sees.
    fn header(&self, chain: &Chain) -> Header {
        if !self.next {
            return self.env.clone();
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        let attributes = BlockAttributes {
            timestamp: now.max(self.state.timestamp + 1),
            ..BlockAttributes::of_header(&self.env, None)
        };
        next_header(chain.rules(), &self.state, self.state.hash(), &attributes)
    }
}

/// One simulation's surroundings, reusable for several tries.
struct Simulation<'a> {
    chain: &'a Chain,
    cfg: CfgEnv,
    block: BlockEnv,
    database: State<StateDb<Chain, Chain>>,
}

impl<'a> Simulation<'a> {
    fn new(chain: &'a Chain, place: CallPlace) -> Result<Self, CallError> {
        let (mut cfg, mut block) = evm_env(chain.rules(), &place.header(chain));
        cfg.disable_nonce_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        let mut database = State::builder()
            .with_database(chain.evm_state_at(&place.state))
            .build();
        if let Some(overrides) = place.state_overrides {
            apply_state_overrides(overrides, &mut database)
                .map_err(|error| CallError::Invalid(error.to_string()))?;
        }
        if let Some(overrides) = place.block_overrides {
            apply_block_overrides(*overrides, &mut database, &mut block);
        }
        Ok(Self {
            chain,
            cfg,
            block,
            database,
        })
    }

    fn transaction(&self, request: TransactionRequest) -> Result<TxEnv, CallError> {
        let env = EvmEnv {
            cfg_env: self.cfg.clone(),
            block_env: self.block.clone(),
        };
        request
            .try_into_tx_env(&env)
            .map_err(|error| CallError::Invalid(error.to_string()))
    }

    /// Runs one try and forgets its changes; what it read stays cached.
    fn run(&mut self, transaction: TxEnv) -> Result<ExecutionResult, CallError> {
        let environment = (self.cfg.clone(), self.block.clone());
        let mut evm = block_evm(self.chain.rules(), environment, &mut self.database);
        evm.transact(transaction)
            .map(|outcome| outcome.result)
            .map_err(call_error)
    }

    /// The most gas the sender can pay for, if it pays at all.
    fn affordable_gas(&mut self, transaction: &TxEnv) -> Result<Option<u64>, CallError> {
        if transaction.gas_price == 0 {
            return Ok(None);
        }
        let account = self
            .database
            .basic(transaction.caller)
            .map_err(|error| CallError::State(error.to_string()))?;
        let balance = account.map(|account| account.balance).unwrap_or_default();
        let left = balance
            .checked_sub(transaction.value)
            .ok_or_else(|| CallError::Invalid(insufficient_funds(transaction.value, balance)))?;
        Ok(Some(
            (left / U256::from(transaction.gas_price)).saturating_to(),
        ))
    }

    fn has_code(&mut self, kind: TxKind) -> Result<bool, CallError> {
        let TxKind::Call(address) = kind else {
            return Ok(true);
        };
        let account = self
            .database
            .basic(address)
            .map_err(|error| CallError::State(error.to_string()))?;
        Ok(account.is_some_and(|account| !account.is_empty_code_hash()))
    }
}

fn insufficient_funds(cost: U256, balance: U256) -> String {
    format!("insufficient funds for gas * price + value: have {balance} want {cost}")
}

/// Works for whatever the state's error is wrapped in.
fn call_error<E: std::error::Error>(error: EVMError<E>) -> CallError {
    match error {
        EVMError::Database(error) => CallError::State(error.to_string()),
        EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            CallError::Invalid(insufficient_funds(*fee, *balance))
        }
        EVMError::Transaction(
            error @ (InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
            | InvalidTransaction::GasFloorMoreThanGasLimit { .. }),
        ) => CallError::IntrinsicGas(error.to_string()),
        error => CallError::Invalid(error.to_string()),
    }
}

fn halted(reason: &HaltReason) -> CallError {
    match reason {
        HaltReason::OutOfGas(_) => CallError::Halted("out of gas".into()),
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode => {
            CallError::Halted("invalid opcode".into())
        }
        reason => CallError::Halted(format!("execution halted: {reason:?}")),
    }
}

/// The return data of a call.
pub(crate) fn call(
    chain: &Chain,
    request: TransactionRequest,
    place: CallPlace,
) -> Result<Bytes, CallError> {
    let mut simulation = Simulation::new(chain, place)?;
    simulation.cfg.tx_gas_limit_cap = Some(CALL_GAS_MAX);
    let mut transaction = simulation.transaction(request.clone())?;
    transaction.gas_limit = request.gas.unwrap_or(CALL_GAS_MAX).min(CALL_GAS_MAX);
    if request.gas.is_none()
        && let Some(affordable) = simulation.affordable_gas(&transaction)?
    {
        transaction.gas_limit = transaction.gas_limit.min(affordable);
    }
    match simulation.run(transaction)? {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(CallError::Reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(halted(&reason)),
    }
}

/// The least gas limit (within [`ESTIMATE_ERROR_PER_MILLE`]) with which a transaction succeeds.
pub(crate) fn estimate(
    chain: &Chain,
    request: TransactionRequest,
    place: CallPlace,
) -> Result<u64, CallError> {
    let mut simulation = Simulation::new(chain, place)?;
    let asked = request.gas;
    let mut transaction = simulation.transaction(request)?;
    let mut high = asked
        .unwrap_or(simulation.block.gas_limit)
        .min(CALL_GAS_MAX);
    high = high.min(simulation.cfg.tx_gas_limit_cap());
    if let Some(affordable) = simulation.affordable_gas(&transaction)? {
        high = high.min(affordable);
    }
    if transaction.data.is_empty()
        && transaction.authorization_list.is_empty()
        && high >= TRANSFER_GAS
    {
        let plain =
            transaction.access_list.0.is_empty() && !simulation.has_code(transaction.kind)?;
        let try_transfer = TxEnv {
            gas_limit: TRANSFER_GAS,
            ..transaction.clone()
        };
        if plain && simulation.run(try_transfer)?.is_success() {
            return Ok(TRANSFER_GAS);
        }
    }
    transaction.gas_limit = high;
    let gas = match simulation.run(transaction.clone()) {
        Ok(ExecutionResult::Success { gas, .. }) => gas,
        Ok(ExecutionResult::Revert { output, .. }) => return Err(CallError::Reverted(output)),
        Ok(ExecutionResult::Halt {
            reason: HaltReason::OutOfGas(_),
            ..
        }) => return Err(CallError::Allowance(high)),
        Ok(ExecutionResult::Halt { reason, .. }) => return Err(halted(&reason)),
        Err(CallError::IntrinsicGas(_)) => return Err(CallError::Allowance(high)),
        Err(error) => return Err(error),
    };
    // A call keeps a 64th of the gas back, so what was spent may be too little as a limit: try a little more first.
    let spent = gas.total_gas_spent().max(gas.tx_gas_used());
    let guess = (spent.saturating_add(2_300)).saturating_mul(64) / 63;
    search(
        &mut simulation,
        &transaction,
        gas.tx_gas_used().saturating_sub(1),
        high,
        guess,
    )
}

/// Binary search between a limit that fails (`low`) and one that works (`high`), beginning at `guess`.
fn search(
    simulation: &mut Simulation<'_>,
    transaction: &TxEnv,
    mut low: u64,
    mut high: u64,
    guess: u64,
) -> Result<u64, CallError> {
    let mut middle = guess;
    while low + 1 < high
        && (high - low).saturating_mul(1_000) > high.saturating_mul(ESTIMATE_ERROR_PER_MILLE)
    {
        middle = middle.clamp(low + 1, high - 1);
        let attempt = TxEnv {
            gas_limit: middle,
            ..transaction.clone()
        };
        let works = match simulation.run(attempt) {
            Ok(result) => result.is_success(),
            Err(CallError::State(text)) => return Err(CallError::State(text)),
            Err(_) => false,
        };
        if works {
            high = middle;
        } else {
            low = middle;
        }
        middle = low + (high - low) / 2;
    }
    Ok(high)
}
