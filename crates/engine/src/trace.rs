//! Mined transactions run again under a tracer, and blocks with everything that they read.
//!
//! Model: the state before a transaction is not stored; it is made by running the block from its parent's state through
//! [`BlockExecutor`], the code that built it, up to that transaction. The transaction itself then runs once under the tracer
//! and once more without it to go on, so a tracer cannot change what follows.
//!
//! What the rollup's transactions do beyond Ethereum's (mint, whole fee to the recipient, fees for data and proving) is
//! repeated here, because the state transition's own handler knows no tracers. One difference remains: an L1 message that was
//! cut off by its bound of prover gas is shown as it would have run without the bound.

use std::{cell::RefCell, marker::PhantomData};

use alloy_consensus::{Header, Sealed, transaction::Recovered};
use alloy_eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA;
use alloy_evm::FromRecoveredTx;
use alloy_primitives::U256;
use alloy_rpc_types_trace::geth::{GethDebugTracingOptions, GethTrace, TraceResult};
use revm::{
    Database, Inspector,
    context::{
        Block as _, ContextSetters, ContextTr, JournalTr, Transaction as _, TxEnv,
        journaled_state::account::JournaledAccountTr,
        result::{EVMError, HaltReason, ResultAndState},
    },
    database::State,
    handler::{EthFrame, EvmTr, EvmTrError, FrameResult, FrameTr, Handler, post_execution},
    inspector::{InspectorEvmTr, InspectorHandler},
    interpreter::{InitialAndFloorGas, interpreter::EthInterpreter, interpreter_action::FrameInit},
    primitives::TxKind,
    state::EvmState,
};
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use rollmill_stf::{
    BlockAttributes, BlockExecutor, Rules, Transaction,
    evm::{WorkMeter, block_evm, evm_env},
    fees::Charge,
    state::{StateDb, StateTrie},
};
use thiserror::Error;

use crate::{
    call::{CallError, Deadline, EVM_TIME_MAX, Shared, SimulationDb, Timed, obey_deadline},
    chain::{Chain, Snapshot, StorageError, StoredBlock, corrupt},
};

/// How reading the state fails.
type DatabaseError = <SimulationDb as Database>::Error;

/// Why there is no trace.
#[derive(Debug, Error)]
pub(crate) enum TraceError {
    /// The tracer is not one of ours, or its configuration is malformed: the caller's fault.
    #[error("{0}")]
    Tracer(String),
    /// The message's gas did not pay for its data: it is in its block as failed, and no code was run.
    #[error("the message was included as failed without being run")]
    NotRun,
    /// It took too long.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The block does not run again as it did: a damaged file.
    #[error("block {number} does not run again: {text}")]
    Replay { number: u64, text: String },
}

/// The trace of the transaction at `index` of a block.
pub(crate) fn trace_transaction(
    chain: &Chain,
    block: &StoredBlock,
    index: usize,
    options: &GethDebugTracingOptions,
) -> Result<GethTrace, TraceError> {
    let state = opened(chain, &block.header)?;
    let state = advance(chain, block, 0..index, state)?;
    Ok(trace(chain, block, index, state, options)?.0)
}

/// The traces of all transactions of a block.
pub(crate) fn trace_block(
    chain: &Chain,
    block: &StoredBlock,
    options: &GethDebugTracingOptions,
) -> Result<Vec<TraceResult>, TraceError> {
    let mut state = opened(chain, &block.header)?;
    let mut traces = Vec::with_capacity(block.transactions.len());
    for (index, transaction) in block.transactions.iter().enumerate() {
        let tx_hash = Some(transaction.hash());
        let (traced, before) = trace(chain, block, index, state, options)?;
        traces.push(TraceResult::new_success(traced, tx_hash));
        state = advance(chain, block, index..index + 1, before)?;
    }
    Ok(traces)
}

fn replay_error(header: &Header, error: impl std::fmt::Display) -> TraceError {
    TraceError::Replay {
        number: header.number,
        text: error.to_string(),
    }
}

/// The state after the block's system calls, before its first transaction.
fn opened(chain: &Chain, header: &Sealed<Header>) -> Result<StateTrie<Snapshot>, TraceError> {
    let parent = header
        .number
        .checked_sub(1)
        .ok_or_else(|| TraceError::Tracer("genesis is not traceable".into()))?;
    let parent = chain
        .header(parent)?
        .ok_or_else(|| corrupt(format!("header {parent}")))?;
    let withdrawals = header.withdrawals_root.map(|_| Vec::new());
    let executor = BlockExecutor::begin(
        chain.rules(),
        &parent,
        parent.hash(),
        BlockAttributes::of_header(header, withdrawals),
        chain.state_at(&parent)?,
        chain.clone(),
    );
    let state = executor.and_then(BlockExecutor::into_state);
    Ok(state.map_err(|error| replay_error(header, error))?.2)
}

/// The state after some of the block's transactions.
fn advance(
    chain: &Chain,
    block: &StoredBlock,
    range: std::ops::Range<usize>,
    state: StateTrie<Snapshot>,
) -> Result<StateTrie<Snapshot>, TraceError> {
    let header = Header::clone(&block.header);
    let mut executor = BlockExecutor::at_header(chain.rules(), header, state, chain.clone())
        .with_prices(block.prices);
    for transaction in &block.transactions[range] {
        executor
            .push(transaction.clone())
            .map_err(|error| replay_error(&block.header, error))?;
    }
    let state = executor.into_state();
    Ok(state.map_err(|error| replay_error(&block.header, error))?.2)
}

/// Runs one transaction under the tracer on the state before it; returns the trace and that state.
fn trace(
    chain: &Chain,
    block: &StoredBlock,
    index: usize,
    state: StateTrie<Snapshot>,
    options: &GethDebugTracingOptions,
) -> Result<(GethTrace, StateTrie<Snapshot>), TraceError> {
    let mut inspector = inspector(options)?;
    let transaction = &block.transactions[index];
    let env = environment(transaction);
    let (cfg, block_env) = evm_env(chain.rules(), &block.header);
    let database = State::builder()
        .with_database(StateDb::new(state, chain.clone()))
        .build();
    let mut database = Timed::new(database, Deadline::after(EVM_TIME_MAX));
    let (result, changes) = {
        let mut evm = block_evm(chain.rules(), (cfg, block_env.clone()), &mut database);
        obey_deadline(&mut evm);
        let mut evm = evm.with_inspector(&mut inspector);
        evm.ctx.set_tx(env.clone());
        let charge = Charge::new(transaction, block.prices, evm.ctx.chain);
        evm.ctx.chain.begin(chain.rules(), &env);
        let mut handler =
            ReplayHandler::<_, EVMError<DatabaseError>>::new(chain.rules(), transaction, charge);
        let result = handler.inspect_run(&mut evm);
        (result, evm.ctx.journal_mut().finalize())
    };
    if database.expired() {
        return Err(CallError::Timeout.into());
    }
    let result = match result {
        Ok(result) => result,
        Err(EVMError::Transaction(_)) if transaction.as_l1_message().is_some() => {
            return Err(TraceError::NotRun);
        }
        Err(error) => return Err(replay_error(&block.header, error)),
    };
    let context = TransactionContext::default()
        .with_block_hash(block.header.hash())
        .with_tx_index(index)
        .with_tx_hash(transaction.hash());
    let outcome = ResultAndState::new(result, changes);
    let traced = inspector.get_result(
        Some(context),
        &env,
        &block_env,
        &outcome,
        &mut Shared(RefCell::new(&mut database)),
    );
    let traced = traced.map_err(|error| replay_error(&block.header, error))?;
    Ok((traced, database.database.database.state))
}

/// The tracer asked for. The list of all instructions run, go-ethereum's default, is not among them: a block's can
/// be gigabytes.
pub(crate) fn inspector(options: &GethDebugTracingOptions) -> Result<DebugInspector, TraceError> {
    let inspector = DebugInspector::new(options.clone())
        .map_err(|error| TraceError::Tracer(error.to_string()))?;
    match inspector {
        DebugInspector::CallTracer(..)
        | DebugInspector::PreStateTracer(..)
        | DebugInspector::FourByte(_)
        | DebugInspector::Noop(_) => Ok(inspector),
        _ => Err(TraceError::Tracer(
            "tracer must be callTracer, prestateTracer, 4byteTracer or noopTracer".into(),
        )),
    }
}

/// The environment in which the state transition runs a transaction.
fn environment(transaction: &Recovered<Transaction>) -> TxEnv {
    let sender = transaction.signer();
    match transaction.inner() {
        Transaction::Ethereum(inner) => TxEnv::from_recovered_tx(inner, sender),
        Transaction::L1Message(message) => TxEnv {
            tx_type: MESSAGE_TYPE,
            caller: sender,
            gas_limit: message.gas_limit.min(MAX_TX_GAS_LIMIT_OSAKA),
            kind: TxKind::Call(message.to),
            value: message.value,
            data: message.data.clone(),
            ..TxEnv::default()
        },
    }
}

/// Type byte of [`Transaction::L1Message`].
const MESSAGE_TYPE: u8 = 0x7E;

/// How the state transition validates, runs and charges a transaction, open to tracers.
struct ReplayHandler<EVM, ERROR> {
    recipient_takes_base_fee: bool,
    /// Wei that a message mints for its sender.
    mint: U256,
    /// What a user pays beyond gas.
    charge: Option<Charge>,
    types: PhantomData<(EVM, ERROR)>,
}

impl<EVM, ERROR> ReplayHandler<EVM, ERROR> {
    fn new(rules: &Rules, transaction: &Transaction, charge: Option<Charge>) -> Self {
        let message = transaction.as_l1_message();
        Self {
            recipient_takes_base_fee: rules.is_rollmill(),
            mint: message.map_or(U256::ZERO, |message| message.mint),
            charge,
            types: PhantomData,
        }
    }
}

impl<EVM, ERROR> Handler for ReplayHandler<EVM, ERROR>
where
    EVM: EvmTr<
            Context: ContextTr<Journal: JournalTr<State = EvmState>, Chain = WorkMeter>,
            Frame: FrameTr<FrameResult = FrameResult, FrameInit = FrameInit>,
        >,
    ERROR: EvmTrError<EVM>,
{
    type Evm = EVM;
    type Error = ERROR;
    type HaltReason = HaltReason;

    fn validate(&self, evm: &mut EVM) -> Result<InitialAndFloorGas, ERROR> {
        if evm.ctx().tx().tx_type() != MESSAGE_TYPE {
            self.validate_env(evm)?;
            let mut gas = self.validate_initial_tx_gas(evm)?;
            self.validate_against_state_and_deduct_caller(evm, &mut gas)?;
            if let Some(charge) = &self.charge {
                charge.hold::<_, ERROR>(evm.ctx())?;
            }
            return Ok(gas);
        }
        let gas = self.validate_initial_tx_gas(evm)?;
        let (_, tx, _, journal, _, _) = evm.ctx().all_mut();
        let mut sender = journal.load_account_with_code_mut(tx.caller())?.data;
        let balance = sender.balance().saturating_add(self.mint);
        sender.set_balance(balance);
        sender.bump_nonce();
        Ok(gas)
    }

    fn reward_beneficiary(&self, evm: &mut EVM, result: &mut FrameResult) -> Result<(), ERROR> {
        if !self.recipient_takes_base_fee {
            return Ok(post_execution::reward_beneficiary(evm.ctx(), result.gas())?);
        }
        let (block, tx, _, journal, _, _) = evm.ctx().all_mut();
        let price = tx.effective_gas_price(block.basefee().into());
        let fee = U256::from(price) * U256::from(result.gas().used());
        journal
            .load_account_mut(block.beneficiary())?
            .incr_balance(fee);
        if let Some(charge) = &self.charge {
            charge.settle(evm.ctx(), result.gas().used())?;
        }
        Ok(())
    }
}

impl<EVM, ERROR> InspectorHandler for ReplayHandler<EVM, ERROR>
where
    EVM: InspectorEvmTr<
            Context: ContextTr<Journal: JournalTr<State = EvmState>, Chain = WorkMeter>,
            Frame = EthFrame<EthInterpreter>,
            Inspector: Inspector<<EVM as EvmTr>::Context, EthInterpreter>,
        >,
    ERROR: EvmTrError<EVM>,
{
    type IT = EthInterpreter;
}
