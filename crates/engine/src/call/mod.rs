//! Simulated transactions: `eth_call`, `eth_estimateGas`, `eth_createAccessList`, `debug_traceCall`.
//!
//! All run the chain's EVM (its fork, its precompiles) on the state after a block and throw the changes away. What a
//! simulation may do and a transaction may not: any sender without a signature, any nonce, a price of zero under any base
//! fee, more gas than one transaction or block holds (up to [`CALL_GAS_MAX`]). What it may not: run for longer than
//! [`EVM_TIME_MAX`], all tries of an estimate together.

mod access_list;
mod estimate;
mod fees;
mod timed;

use std::{
    convert::Infallible,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_consensus::{Header, Sealed};
use alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA;
use alloy_evm::{
    EvmEnv,
    overrides::{apply_block_overrides, apply_state_overrides},
    rpc::TryIntoTxEnv,
};
use alloy_primitives::{Bytes, TxKind, U256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{
    Database, ExecuteEvm, InspectEvm, Inspector,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultAndState},
    },
    database::State,
};
use rollmill_stf::{
    BlockAttributes, Rules,
    evm::{BlockContext, WorkMeter, block_evm, evm_env},
    header::next_header,
};
use thiserror::Error;

use crate::{
    chain::{Chain, StateView, StorageError},
    rpc::CALL_GAS_MAX,
};

pub(crate) use access_list::create_access_list;
pub(crate) use estimate::estimate;
pub use fees::FeeEstimate;
pub(crate) use fees::estimate_fees;
pub(crate) use timed::{Deadline, EVM_TIME_MAX, Shared, Timed, obey_deadline};

/// What a simulation reads.
pub(crate) type SimulationDb = Timed<State<StateView>>;

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
    /// What it runs is more proving work than a transaction of its gas limit may cause.
    #[error(
        "out of gas: more proving work than the gas limit allows, or than any transaction may cause"
    )]
    Proving,
    /// It ran for too long.
    #[error("execution aborted (timeout = {}s)", EVM_TIME_MAX.as_secs())]
    Timeout,
    /// The state could not be read.
    #[error("{0}")]
    State(String),
    /// The chain's file failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Where a simulation runs.
pub(crate) struct CallPlace {
    /// The block it sees.
    env: Header,
    /// The newest block, when the block it sees is the one after it.
    parent: Option<Sealed<Header>>,
    /// The state it sees.
    state: StateView,
    pub(crate) state_overrides: Option<StateOverride>,
    pub(crate) block_overrides: Option<Box<BlockOverrides>>,
}

impl CallPlace {
    /// At the end of a block, as go-ethereum does it: the block's own number and time.
    pub(crate) fn at(chain: &Chain, header: &Header) -> Result<Self, StorageError> {
        Ok(Self::on(header, chain.view_at(header)?))
    }

    fn on(header: &Header, state: StateView) -> Self {
        Self {
            env: header.clone(),
            parent: None,
            state,
            state_overrides: None,
            block_overrides: None,
        }
    }

    /// At the end of what is confirmed: the open block if there is one, else the newest.
    pub(crate) fn newest(chain: &Chain) -> Result<Self, StorageError> {
        match chain.open_block() {
            Some(open) => Ok(Self::on(&open.block.header, chain.view_of(open.clone())?)),
            None => Self::at(chain, &chain.head()),
        }
    }

    /// In the block that follows the newest one: the open block if there is one.
    pub(crate) fn after(chain: &Chain) -> Result<Self, StorageError> {
        let place = Self::newest(chain)?;
        let head = chain.head();
        if place.env.number > head.number {
            return Ok(place);
        }
        Ok(Self {
            parent: Some(Sealed::clone(&head)),
            ..place
        })
    }

    /// The header of the block it sees.
    fn header(&self, chain: &Chain) -> Header {
        let Some(parent) = &self.parent else {
            return self.env.clone();
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        let attributes = BlockAttributes {
            timestamp: now.max(parent.timestamp + 1),
            ..BlockAttributes::of_header(&self.env, None)
        };
        next_header(chain.rules(), parent, parent.hash(), &attributes)
    }
}

/// One simulation's surroundings, reusable for several tries.
pub(crate) struct Simulation<'a> {
    chain: &'a Chain,
    pub(crate) cfg: CfgEnv,
    pub(crate) block: BlockEnv,
    pub(crate) database: SimulationDb,
}

impl<'a> Simulation<'a> {
    pub(crate) fn new(chain: &'a Chain, place: CallPlace) -> Result<Self, CallError> {
        let (mut cfg, mut block) = evm_env(chain.rules(), &place.header(chain));
        cfg.disable_nonce_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        let mut database = State::builder().with_database(place.state).build();
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
            database: Timed::new(database, Deadline::after(EVM_TIME_MAX)),
        })
    }

    pub(crate) fn transaction(&self, request: TransactionRequest) -> Result<TxEnv, CallError> {
        let env = EvmEnv {
            cfg_env: self.cfg.clone(),
            block_env: self.block.clone(),
        };
        request
            .try_into_tx_env(&env)
            .map_err(|error| CallError::Invalid(error.to_string()))
    }

    /// A call as it was asked: with the gas asked, else with as much as the sender can pay for, at most [`CALL_GAS_MAX`].
    pub(crate) fn call_transaction(
        &mut self,
        request: TransactionRequest,
    ) -> Result<TxEnv, CallError> {
        self.cfg.tx_gas_limit_cap = Some(CALL_GAS_MAX);
        let asked = request.gas;
        let mut transaction = self.transaction(request)?;
        transaction.gas_limit = asked.unwrap_or(CALL_GAS_MAX).min(CALL_GAS_MAX);
        if asked.is_none()
            && let Some(affordable) = self.affordable_gas(&transaction)?
        {
            transaction.gas_limit = transaction.gas_limit.min(affordable);
        }
        Ok(transaction)
    }

    /// Runs one try and forgets its changes; what it read stays cached.
    pub(crate) fn run(&mut self, transaction: TxEnv) -> Result<ExecutionResult, CallError> {
        Ok(self.run_metered(transaction)?.0)
    }

    /// As [`Self::run`], with the work that gas does not price.
    fn run_metered(
        &mut self,
        transaction: TxEnv,
    ) -> Result<(ExecutionResult, WorkMeter), CallError> {
        let environment = (self.cfg.clone(), self.block.clone());
        let outcome = {
            let mut evm = block_evm(self.chain.rules(), environment, &mut self.database);
            obey_deadline(&mut evm);
            bound(&mut evm.ctx.chain, self.chain.rules(), &transaction);
            let outcome = evm.transact(transaction);
            outcome.map(|outcome| (outcome.result, evm.ctx.chain))
        };
        if self.database.expired() {
            return Err(CallError::Timeout);
        }
        let (result, meter) = outcome.map_err(call_error)?;
        // Whatever it made of that: a contract can revert because a precompile that it called had no room.
        if meter.is_exhausted() && !result.is_success() {
            return Err(CallError::Proving);
        }
        Ok((result, meter))
    }

    /// Runs one try under an inspector; its changes are returned and not kept.
    pub(crate) fn inspect<I>(
        &mut self,
        transaction: TxEnv,
        inspector: &mut I,
    ) -> Result<ResultAndState, CallError>
    where
        I: for<'db> Inspector<BlockContext<&'db mut SimulationDb>>,
    {
        self.try_inspect(transaction, inspector)?
            .map_err(|error| call_error(EVMError::<Infallible>::Transaction(error)))
    }

    /// As [`Self::inspect`], for a caller that tells invalid transactions apart.
    pub(crate) fn try_inspect<I>(
        &mut self,
        transaction: TxEnv,
        inspector: &mut I,
    ) -> Result<Result<ResultAndState, InvalidTransaction>, CallError>
    where
        I: for<'db> Inspector<BlockContext<&'db mut SimulationDb>>,
    {
        let environment = (self.cfg.clone(), self.block.clone());
        let outcome = {
            let mut evm = block_evm(self.chain.rules(), environment, &mut self.database);
            obey_deadline(&mut evm);
            bound(&mut evm.ctx.chain, self.chain.rules(), &transaction);
            evm.with_inspector(inspector).inspect_tx(transaction)
        };
        if self.database.expired() {
            return Err(CallError::Timeout);
        }
        match outcome {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(EVMError::Transaction(error)) => Ok(Err(error)),
            Err(error) => Err(call_error(error)),
        }
    }

    /// The most gas the sender can pay for, if it pays at all.
    pub(crate) fn affordable_gas(&mut self, transaction: &TxEnv) -> Result<Option<u64>, CallError> {
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

    pub(crate) fn has_code(&mut self, kind: TxKind) -> Result<bool, CallError> {
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
pub(crate) fn call_error<E: std::error::Error>(error: EVMError<E>) -> CallError {
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

/// Bounds the proving work of what can be a transaction. A call with more gas is never proved.
fn bound(meter: &mut WorkMeter, rules: &Rules, transaction: &TxEnv) {
    if transaction.gas_limit <= MAX_TX_GAS_LIMIT_OSAKA {
        meter.begin(rules, transaction);
    }
}

pub(crate) fn halted(reason: &HaltReason) -> CallError {
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
    let transaction = simulation.call_transaction(request)?;
    match simulation.run(transaction)? {
        ExecutionResult::Success { output, .. } => Ok(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(CallError::Reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(halted(&reason)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use alloy_genesis::{Genesis, GenesisAccount};
    use alloy_primitives::{Address, bytes};
    use rollmill_stf::{EthereumRules, Fork, RollmillRules};

    use super::*;
    use crate::chain::ChainSpec;

    /// `JUMPDEST PUSH1 0 JUMP`.
    const LOOP: Address = Address::repeat_byte(1);
    /// Calls itself with all its gas, twice, and so on: no jump at all.
    const TREE: Address = Address::repeat_byte(2);

    fn chain(dir: &tempfile::TempDir, rules: Rules) -> Chain {
        let code = |code| GenesisAccount {
            code: Some(code),
            ..GenesisAccount::default()
        };
        // ADDRESS as target, GAS as gas, no value, no input, no output.
        let call = "5f5f5f5f5f305af150".repeat(2);
        let tree = code(call.parse().unwrap());
        let genesis = Genesis {
            gas_limit: 30_000_000,
            alloc: [(LOOP, code(bytes!("5b600056"))), (TREE, tree)].into(),
            ..Genesis::default()
        };
        let spec = ChainSpec { rules, genesis };
        Chain::open(&dir.path().join("chain.redb"), &spec).unwrap()
    }

    fn simulation(chain: &Chain, limit: Duration) -> Simulation<'_> {
        let head = chain.head();
        let mut simulation = Simulation::new(chain, CallPlace::at(chain, &head).unwrap()).unwrap();
        let state = chain.view_at(&head).unwrap();
        let database = State::builder().with_database(state).build();
        simulation.database = Timed::new(database, Deadline::after(limit));
        simulation
    }

    #[test]
    fn whatever_repeats_itself_ends_at_the_deadline() {
        let dir = tempfile::TempDir::new().unwrap();
        let shanghai = EthereumRules::at_fork(7, Fork::Shanghai);
        let chain = chain(&dir, Rules::Ethereum(shanghai));
        for target in [LOOP, TREE] {
            let request = TransactionRequest::default().to(target);
            let mut late = simulation(&chain, Duration::ZERO);
            let transaction = late.call_transaction(request.clone()).unwrap();
            assert!(matches!(
                late.run(transaction.clone()),
                Err(CallError::Timeout)
            ));
            // With time it ends by its gas.
            let mut patient = simulation(&chain, Duration::from_secs(3_600));
            patient.call_transaction(request).unwrap();
            let ended = patient.run(transaction).unwrap();
            assert_eq!(ended.is_success(), target == TREE);
        }
    }

    /// The pairing of ten pairs is cheap in gas, and more work than any transaction may cause.
    #[test]
    fn who_asks_for_too_much_proving_is_told_so() {
        let dir = tempfile::TempDir::new().unwrap();
        let chain = chain(&dir, Rules::Rollmill(RollmillRules { chain_id: 7 }));
        let request = TransactionRequest::default()
            .to(Address::with_last_byte(8))
            .input(Bytes::from(vec![0; 1_920]).into());
        let mut simulation = simulation(&chain, Duration::from_secs(3_600));
        let as_transaction = request.clone().gas_limit(MAX_TX_GAS_LIMIT_OSAKA);
        let transaction = simulation.call_transaction(as_transaction).unwrap();
        let refused = simulation.run(transaction);
        assert!(matches!(refused, Err(CallError::Proving)));
        // More gas than a transaction can have: it is never proved.
        let call = simulation.call_transaction(request).unwrap();
        assert!(simulation.run(call).unwrap().is_success());
    }
}
