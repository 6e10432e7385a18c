//! `eth_simulateV1`: blocks that might follow, executed one after another and thrown away.
//!
//! Follows go-ethereum: blocks are 12 s apart unless told otherwise, gaps between their numbers are filled with empty
//! blocks, prices are zero unless `validation` asks for the rules of real transactions, and all calls together may use
//! [`CALL_GAS_MAX`]. Simplifications: a simulated header's `stateRoot` is zero, no system calls are made, and
//! `movePrecompileToAddress` is not known.

use alloy_consensus::{
    Header, Sealable, Sealed, TransactionEnvelope as _, TxReceipt,
    proofs::{calculate_receipt_root, calculate_transaction_root},
    transaction::Recovered,
};
use alloy_evm::{
    FromRecoveredTx,
    overrides::{apply_block_overrides, apply_state_overrides},
};
use alloy_primitives::{Address, B256, Bloom, Bytes};
use alloy_rpc_types_eth::{
    BlockOverrides, Log, TransactionRequest,
    simulate::{
        MAX_SIMULATE_BLOCKS, SimBlock, SimCallResult, SimulateError, SimulatePayload,
        SimulatedBlock,
    },
};
use revm::{
    Database, DatabaseCommit,
    context::{
        Cfg as _, TxEnv,
        result::{ExecutionResult, InvalidTransaction},
    },
};
use revm_inspectors::transfer::{TRANSFER_LOG_EMITTER, TransferInspector};
use rollmill_stf::{
    BlockAttributes, Receipt, Transaction, evm::evm_env, fees::FeePrices, header::next_header,
};

use super::{
    CALL_GAS_MAX,
    error::{self, RpcError},
    types::{self, RpcBlock},
};
use crate::{
    call::{CallPlace, Simulation, halted},
    chain::{Chain, StoredBlock},
};

/// Seconds between simulated blocks.
const BLOCK_SECONDS: u64 = 12;

/// The codes of execution-apis for what is wrong with a simulation.
const NONCE_TOO_LOW: i32 = -38010;
const NONCE_TOO_HIGH: i32 = -38011;
const FEE_CAP_TOO_LOW: i32 = -38012;
const INTRINSIC_GAS: i32 = -38013;
const INSUFFICIENT_FUNDS: i32 = -38014;
const BLOCK_GAS_LIMIT: i32 = -38015;
const BLOCK_NUMBERS: i32 = -38020;
const BLOCK_TIMES: i32 = -38021;
const SENDER_NOT_EOA: i32 = -38024;
const INITCODE_SIZE: i32 = -38025;
const CLIENT_LIMIT: i32 = -38026;

fn refused(code: i32, text: impl Into<String>) -> RpcError {
    RpcError::Simulate {
        code,
        text: text.into(),
    }
}

/// Simulates the blocks of `payload` on the state after `base`.
pub(super) fn simulate(
    chain: &Chain,
    base: Sealed<Header>,
    payload: SimulatePayload,
) -> Result<Vec<SimulatedBlock<RpcBlock>>, RpcError> {
    let plan = plan(&base, payload.block_state_calls)?;
    let mut run = Run {
        chain,
        simulation: Simulation::new(chain, CallPlace::at(chain, &base)?)?,
        parent: base,
        gas_left: CALL_GAS_MAX,
        validation: payload.validation,
        trace_transfers: payload.trace_transfers,
    };
    plan.into_iter()
        .map(|block| run.block(block, payload.return_full_transactions))
        .collect()
}

/// A block to simulate, with its place.
struct Planned {
    number: u64,
    timestamp: u64,
    block: SimBlock,
}

/// Gives every block its number and time, and fills the gaps.
fn plan(base: &Header, blocks: Vec<SimBlock>) -> Result<Vec<Planned>, RpcError> {
    if blocks.is_empty() {
        return Err(RpcError::InvalidParams("empty input".into()));
    }
    let too_many = || refused(CLIENT_LIMIT, "too many blocks");
    let (mut number, mut timestamp) = (base.number, base.timestamp);
    let mut plan = Vec::with_capacity(blocks.len());
    for block in blocks {
        let overrides = block.block_overrides.as_ref();
        let wanted = match overrides.and_then(|overrides| overrides.number) {
            Some(wanted) => u64::try_from(wanted).map_err(|_| too_many())?,
            None => number + 1,
        };
        if wanted <= number {
            let text = format!("block numbers must be in order: {wanted} <= {number}");
            return Err(refused(BLOCK_NUMBERS, text));
        }
        if wanted - base.number > MAX_SIMULATE_BLOCKS {
            return Err(too_many());
        }
        for number in number + 1..wanted {
            timestamp = timestamp.saturating_add(BLOCK_SECONDS);
            plan.push(Planned {
                number,
                timestamp,
                block: SimBlock::default(),
            });
        }
        let time = overrides.and_then(|overrides| overrides.time);
        let time = time.unwrap_or(timestamp.saturating_add(BLOCK_SECONDS));
        if time <= timestamp {
            let text = format!("block timestamps must be in order: {time} <= {timestamp}");
            return Err(refused(BLOCK_TIMES, text));
        }
        (number, timestamp) = (wanted, time);
        plan.push(Planned {
            number,
            timestamp,
            block,
        });
    }
    Ok(plan)
}

/// A simulation between two blocks.
struct Run<'a> {
    chain: &'a Chain,
    simulation: Simulation<'a>,
    parent: Sealed<Header>,
    /// Of [`CALL_GAS_MAX`].
    gas_left: u64,
    validation: bool,
    trace_transfers: bool,
}

/// What a block's calls left behind.
#[derive(Default)]
struct Executed {
    transactions: Vec<Recovered<Transaction>>,
    receipts: Vec<Receipt>,
    outcomes: Vec<ExecutionResult>,
}

impl Run<'_> {
    fn block(
        &mut self,
        planned: Planned,
        full: bool,
    ) -> Result<SimulatedBlock<RpcBlock>, RpcError> {
        let Planned {
            number,
            timestamp,
            block,
        } = planned;
        let overrides = block.block_overrides.unwrap_or_default();
        let mut header = self.header(number, timestamp, &overrides);
        self.enter(&header, overrides, block.state_overrides)?;
        let mut executed = Executed::default();
        for call in block.calls {
            self.call(&header, call, &mut executed)?;
        }
        let header = seal(&mut header, &executed);
        let database = &mut self.simulation.database.database;
        database.block_hashes.insert(number, header.hash());
        self.parent = header.clone();
        let calls = results(&header, &executed);
        let stored = StoredBlock {
            header,
            transactions: executed.transactions,
            prover_gas: Vec::new(),
            prices: FeePrices::default(),
        };
        Ok(SimulatedBlock {
            inner: types::block(stored, full),
            calls,
        })
    }

    fn header(&self, number: u64, timestamp: u64, overrides: &BlockOverrides) -> Header {
        let parent = &self.parent;
        let attributes = BlockAttributes {
            timestamp,
            beneficiary: overrides.coinbase.unwrap_or(parent.beneficiary),
            prev_randao: overrides.random.unwrap_or_default(),
            gas_limit: overrides.gas_limit.unwrap_or(parent.gas_limit),
            parent_beacon_block_root: parent.parent_beacon_block_root.map(|_| B256::ZERO),
            withdrawals: parent.withdrawals_root.map(|_| Vec::new()),
            ..BlockAttributes::default()
        };
        let mut header = next_header(self.chain.rules(), parent, parent.hash(), &attributes);
        header.number = number;
        header.beneficiary = attributes.beneficiary;
        if let Some(base_fee) = overrides.base_fee {
            header.base_fee_per_gas = Some(base_fee.saturating_to());
        } else if !self.validation {
            header.base_fee_per_gas = Some(0);
        }
        header
    }

    /// Makes the block the one that calls run in.
    fn enter(
        &mut self,
        header: &Header,
        overrides: BlockOverrides,
        state: Option<alloy_rpc_types_eth::state::StateOverride>,
    ) -> Result<(), RpcError> {
        let simulation = &mut self.simulation;
        let (mut cfg, mut env) = evm_env(self.chain.rules(), header);
        if !self.validation {
            cfg.disable_nonce_check = true;
            cfg.disable_base_fee = true;
            cfg.disable_eip3607 = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        }
        let database = &mut simulation.database.database;
        apply_block_overrides(overrides, database, &mut env);
        if let Some(state) = state {
            apply_state_overrides(state, database)
                .map_err(|error| RpcError::InvalidParams(error.to_string()))?;
        }
        (simulation.cfg, simulation.block) = (cfg, env);
        Ok(())
    }

    fn call(
        &mut self,
        header: &Header,
        mut request: TransactionRequest,
        executed: &mut Executed,
    ) -> Result<(), RpcError> {
        let sender = request.from.unwrap_or_default();
        let used = executed
            .receipts
            .last()
            .map_or(0, |receipt| receipt.cumulative_gas_used);
        let block_left = header.gas_limit - used;
        self.fill(&mut request, sender, block_left)?;
        let gas = request.gas.unwrap_or_default();
        if gas > block_left {
            let text = format!("block gas limit reached: {gas} > {block_left}");
            return Err(refused(BLOCK_GAS_LIMIT, text));
        }
        if gas > self.gas_left {
            return Err(refused(CLIENT_LIMIT, "RPC gas cap reached"));
        }
        let transaction = request
            .build_typed_simulate_transaction()
            .map_err(|error| RpcError::InvalidParams(error.to_string()))?;
        let env = TxEnv::from_recovered_tx(&transaction, sender);
        let mut inspector = TransferInspector::new(false).with_logs(self.trace_transfers);
        let outcome = self.simulation.try_inspect(env, &mut inspector)?;
        let outcome = outcome.map_err(|error| refused(code_of(&error), error.to_string()))?;
        self.simulation.database.commit(outcome.state);
        let outcome = outcome.result;
        self.gas_left -= outcome.tx_gas_used().min(self.gas_left);
        let transaction = Transaction::from(transaction);
        let logs = outcome.logs().iter();
        executed.receipts.push(Receipt {
            tx_type: transaction.tx_type(),
            success: outcome.is_success(),
            cumulative_gas_used: used + outcome.tx_gas_used(),
            logs: logs
                .filter(|log| log.address != TRANSFER_LOG_EMITTER)
                .cloned()
                .collect(),
        });
        let transaction = Recovered::new_unchecked(transaction, sender);
        executed.transactions.push(transaction);
        executed.outcomes.push(outcome);
        Ok(())
    }

    /// Fills in what a call leaves out.
    fn fill(
        &mut self,
        request: &mut TransactionRequest,
        sender: Address,
        block_left: u64,
    ) -> Result<(), RpcError> {
        request.chain_id = Some(self.chain.chain_id());
        request.to = Some(request.to.unwrap_or(revm::primitives::TxKind::Create));
        if request.nonce.is_none() {
            let account = self.simulation.database.basic(sender);
            let account = account.map_err(|error| RpcError::State(error.to_string()))?;
            request.nonce = Some(account.unwrap_or_default().nonce);
        }
        let cap = self.simulation.cfg.tx_gas_limit_cap();
        request
            .gas
            .get_or_insert(block_left.min(self.gas_left).min(cap));
        if request.gas_price.is_none() {
            request.max_fee_per_gas.get_or_insert(0);
            request.max_priority_fee_per_gas.get_or_insert(0);
        }
        Ok(())
    }
}

/// Completes a header with what its calls did.
fn seal(header: &mut Header, executed: &Executed) -> Sealed<Header> {
    let with_bloom: Vec<_> = executed
        .receipts
        .iter()
        .map(TxReceipt::with_bloom_ref)
        .collect();
    header.gas_used = executed
        .receipts
        .last()
        .map_or(0, |receipt| receipt.cumulative_gas_used);
    header.receipts_root = calculate_receipt_root(&with_bloom);
    header.logs_bloom = with_bloom
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.logs_bloom);
    let transactions: Vec<Transaction> = executed
        .transactions
        .iter()
        .map(|transaction| transaction.inner().clone())
        .collect();
    header.transactions_root = calculate_transaction_root(&transactions);
    header.state_root = B256::ZERO;
    header.clone().seal_slow()
}

fn results(header: &Sealed<Header>, executed: &Executed) -> Vec<SimCallResult> {
    let mut log_index = 0;
    let all = executed.outcomes.iter().zip(&executed.transactions);
    all.zip(0u64..)
        .map(|((outcome, transaction), index)| {
            let (return_data, error) = verdict(outcome);
            let logs = outcome.logs().iter().map(|log| {
                log_index += 1;
                Log {
                    inner: log.clone(),
                    block_hash: Some(header.hash()),
                    block_number: Some(header.number),
                    block_timestamp: Some(header.timestamp),
                    transaction_hash: Some(transaction.hash()),
                    transaction_index: Some(index),
                    log_index: Some(log_index - 1),
                    removed: false,
                }
            });
            SimCallResult {
                return_data,
                logs: logs.collect(),
                gas_used: outcome.tx_gas_used(),
                max_used_gas: None,
                status: outcome.is_success(),
                error,
            }
        })
        .collect()
}

fn verdict(outcome: &ExecutionResult) -> (Bytes, Option<SimulateError>) {
    match outcome {
        ExecutionResult::Success { output, .. } => (output.data().clone(), None),
        ExecutionResult::Revert { output, .. } => (
            output.clone(),
            Some(SimulateError {
                code: error::REVERTED,
                message: error::revert_text(output),
                data: Some(output.clone()),
            }),
        ),
        ExecutionResult::Halt { reason, .. } => (
            Bytes::new(),
            Some(SimulateError {
                code: SimulateError::VM_EXECUTION_ERROR_CODE,
                message: halted(reason).to_string(),
                data: None,
            }),
        ),
    }
}

/// The code for a call that is no valid transaction.
fn code_of(error: &InvalidTransaction) -> i32 {
    use InvalidTransaction as Invalid;
    match error {
        Invalid::NonceTooLow { .. } => NONCE_TOO_LOW,
        Invalid::NonceTooHigh { .. } => NONCE_TOO_HIGH,
        Invalid::GasPriceLessThanBasefee => FEE_CAP_TOO_LOW,
        Invalid::CallGasCostMoreThanGasLimit { .. } | Invalid::GasFloorMoreThanGasLimit { .. } => {
            INTRINSIC_GAS
        }
        Invalid::LackOfFundForMaxFee { .. } => INSUFFICIENT_FUNDS,
        Invalid::RejectCallerWithCode => SENDER_NOT_EOA,
        Invalid::CreateInitCodeSizeLimit => INITCODE_SIZE,
        _ => super::error::SERVER_ERROR,
    }
}
