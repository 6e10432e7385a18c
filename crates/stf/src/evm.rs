//! The EVM of a block: revm with our handler, precompiles and meters.
//!
//! Differences from revm's mainnet EVM, all of them decided by data and none by features:
//! - transactions of type 0x7E mint and skip nonce, signature and fee rules (`BlockHandler`);
//! - on the rollup the fee recipient gets the whole fee, base fee included: burning ether on L2 would lock it up on L1;
//!   and users pay for data and proving besides ([`crate::fees`]);
//! - a chain may add precompiles ([`ChainPrecompiles`]);
//! - Keccak permutations and precompile gas are counted for prover gas ([`WorkMeter`]).

use crate::{
    fees::Charge,
    rules::{ChainPrecompileOutcome, ChainPrecompiles, Rules},
};
use alloc::string::String;
use alloy_consensus::Header;
use alloy_primitives::{Address, KECCAK256_EMPTY, U256, map::AddressSet};
use core::marker::PhantomData;
use revm::{
    Context, Database, Journal,
    bytecode::opcode::{EXTCODEHASH, KECCAK256},
    context::{
        Block as _, BlockEnv, Cfg, CfgEnv, ContextTr, Evm, JournalTr, Transaction as _, TxEnv,
        journaled_state::account::JournaledAccountTr, result::HaltReason,
    },
    context_interface::block::BlobExcessGasAndPrice,
    handler::{
        EthFrame, EthPrecompiles, EvmTr, EvmTrError, FrameResult, FrameTr, Handler,
        PrecompileProvider, instructions::EthInstructions, post_execution,
        precompile_output_to_interpreter_result,
    },
    interpreter::{
        CallInputs, Gas, InitialAndFloorGas, Instruction, InstructionContext,
        InstructionExecResult, InstructionResult, InterpreterResult,
        instructions::{host, system},
        interpreter::EthInterpreter,
        interpreter_action::FrameInit,
    },
    precompile::{PrecompileHalt, PrecompileOutput},
    primitives::hardfork::SpecId,
    state::EvmState,
};
use rollmill_protocol::{
    l2::L1_MESSAGE_TX_TYPE,
    prover_gas::{PER_KECCAK_PERMUTATION, PER_PRECOMPILE_GAS},
};

/// Bytes that one Keccak-256 permutation absorbs.
const KECCAK_RATE_BYTES: u64 = 136;

/// The EVM's context over the database `DB`.
pub type BlockContext<DB> = Context<BlockEnv, TxEnv, CfgEnv, DB, Journal<DB>, WorkMeter>;

/// The EVM over the database `DB`.
pub type BlockEvm<DB> = Evm<
    BlockContext<DB>,
    (),
    EthInstructions<EthInterpreter, BlockContext<DB>>,
    BlockPrecompiles,
    EthFrame<EthInterpreter>,
>;

/// Work that the EVM's own gas does not price as proving does, and a bound on it.
///
/// Under a bound, what would exceed it runs out of gas *before* the work is done: a transaction that nobody can refuse
/// (an L1 message) must not be able to make a batch unprovable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkMeter {
    /// Permutations of `KECCAK256` instructions.
    pub keccak_permutations: u64,
    /// EVM gas used inside precompiles.
    pub precompile_gas: u64,
    /// What may still be done, in prover gas.
    budget: u64,
}

impl Default for WorkMeter {
    fn default() -> Self {
        Self {
            keccak_permutations: 0,
            precompile_gas: 0,
            budget: u64::MAX,
        }
    }
}

impl WorkMeter {
    /// Bounds what is done from here on; `None` lifts the bound.
    pub(crate) fn set_budget(&mut self, prover_gas: Option<u64>) {
        self.budget = prover_gas.unwrap_or(u64::MAX);
    }

    /// Prover gas of permutations, `None` when it exceeds the budget.
    fn keccak_work(&self, permutations: u64) -> Option<u64> {
        let work = permutations.checked_mul(PER_KECCAK_PERMUTATION)?;
        (work <= self.budget).then_some(work)
    }

    /// Counts permutations of this work.
    const fn count_keccak(&mut self, permutations: u64, work: u64) {
        self.keccak_permutations = self.keccak_permutations.saturating_add(permutations);
        if self.budget != u64::MAX {
            self.budget = self.budget.saturating_sub(work);
        }
    }

    /// The gas that a precompile may use.
    const fn precompile_gas_max(&self) -> u64 {
        if self.budget == u64::MAX {
            u64::MAX
        } else {
            self.budget / PER_PRECOMPILE_GAS
        }
    }

    /// Counts gas used inside a precompile.
    const fn count_precompile(&mut self, gas: u64) {
        self.precompile_gas = self.precompile_gas.saturating_add(gas);
        if self.budget != u64::MAX {
            let work = gas.saturating_mul(PER_PRECOMPILE_GAS);
            self.budget = self.budget.saturating_sub(work);
        }
    }
}

/// Keccak-256 permutations of an input of this many bytes.
pub(crate) const fn keccak_permutations(bytes: u64) -> u64 {
    bytes / KECCAK_RATE_BYTES + 1
}

/// Configuration and block environment of `header` under `rules`: for [`block_evm`], and for callers that simulate.
pub fn evm_env(rules: &Rules, header: &Header) -> (CfgEnv, BlockEnv) {
    let spec = rules.fork(header.timestamp).spec();
    let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(rules.chain_id());
    let mut block = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: None,
        slot_num: 0,
    };
    if let Some(params) = rules.blob_params(header.timestamp) {
        let excess_blob_gas = header.excess_blob_gas.unwrap_or_default();
        cfg.max_blobs_per_tx = Some(params.max_blobs_per_tx);
        cfg.blob_base_fee_update_fraction = u64::try_from(params.update_fraction).ok();
        block.blob_excess_gas_and_price = Some(BlobExcessGasAndPrice {
            excess_blob_gas,
            blob_gasprice: params.calc_blob_fee(excess_blob_gas),
        });
    }
    (cfg, block)
}

/// An EVM in this environment over `database`.
pub fn block_evm<DB: Database>(
    rules: &Rules,
    (cfg, block): (CfgEnv, BlockEnv),
    database: DB,
) -> BlockEvm<DB> {
    let spec = cfg.spec;
    let ctx = Context::<BlockEnv, TxEnv, CfgEnv, DB, Journal<DB>, ()>::new(database, spec)
        .with_cfg(cfg)
        .with_block(block)
        .with_chain(WorkMeter::default());
    let mut instructions = EthInstructions::new_mainnet_with_spec(spec);
    let keccak_gas = instructions.gas_table()[usize::from(KECCAK256)];
    instructions.insert_instruction(KECCAK256, Instruction::new(metered_keccak256), keccak_gas);
    if !rules.is_rollmill() {
        let gas = instructions.gas_table()[usize::from(EXTCODEHASH)];
        instructions.insert_instruction(EXTCODEHASH, Instruction::new(true_extcodehash), gas);
    }
    Evm::new(
        ctx,
        instructions,
        BlockPrecompiles::new(spec, rules.precompiles().cloned()),
    )
}

/// `KECCAK256`, counting its permutations when it succeeds.
fn metered_keccak256<DB: Database>(
    context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    // A length that no memory can have is left to the instruction, which fails.
    let length = interpreter.stack.peek(1).ok();
    let bytes = length.map_or(0, |length| length.saturating_to());
    let permutations = keccak_permutations(bytes);
    let Some(work) = host.chain.keccak_work(permutations) else {
        return Err(InstructionResult::OutOfGas);
    };
    system::keccak256(InstructionContext {
        interpreter,
        host: &mut *host,
    })?;
    host.chain.count_keccak(permutations, work);
    Ok(())
}

/// `EXTCODEHASH` for a database that shows accounts with nothing but balance and storage with a zero code hash, as
/// [`crate::overlay`] does: their code is empty, and so is its hash.
fn true_extcodehash<DB: Database>(
    context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    let address = interpreter.stack.peek(0).unwrap_or_default();
    host::extcodehash(InstructionContext {
        interpreter,
        host: &mut *host,
    })?;
    let address = Address::from_word(address.into());
    let account = host.journaled_state.state.get(&address);
    let only_storage =
        account.is_some_and(|account| account.info.code_hash.is_zero() && !account.info.is_empty());
    if only_storage && let Some(hash) = interpreter.stack.top() {
        *hash = KECCAK256_EMPTY.into();
    }
    Ok(())
}

/// Ethereum's precompiles and those of the chain.
#[derive(Clone, Debug)]
pub struct BlockPrecompiles {
    ethereum: EthPrecompiles,
    chain: Option<(ChainPrecompiles, AddressSet)>,
}

impl BlockPrecompiles {
    fn new(spec: SpecId, chain: Option<ChainPrecompiles>) -> Self {
        let ethereum = EthPrecompiles::new(spec);
        let chain = chain.map(|chain| {
            let warm = ethereum
                .warm_addresses()
                .iter()
                .chain(chain.addresses())
                .copied()
                .collect();
            (chain, warm)
        });
        Self { ethereum, chain }
    }

    fn run_within<DB: Database>(
        &mut self,
        context: &mut BlockContext<DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let chain = self.chain.as_ref();
        let Some(run) = chain.and_then(|(chain, _)| chain.at(&inputs.bytecode_address)) else {
            return self.ethereum.run(context, inputs);
        };
        let outcome = run(&inputs.input.as_bytes(context), inputs.gas_limit);
        let output = match outcome {
            ChainPrecompileOutcome::Success { gas_used, output } => {
                PrecompileOutput::new(gas_used, output, inputs.reservoir)
            }
            ChainPrecompileOutcome::OutOfGas => {
                PrecompileOutput::halt(PrecompileHalt::OutOfGas, inputs.reservoir)
            }
        };
        let gas_limit = inputs.gas_limit;
        Ok(Some(precompile_output_to_interpreter_result(
            output, gas_limit,
        )))
    }

    fn warm(&self) -> &AddressSet {
        match &self.chain {
            Some((_, warm)) => warm,
            None => self.ethereum.warm_addresses(),
        }
    }
}

impl<DB: Database> PrecompileProvider<BlockContext<DB>> for BlockPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _spec: SpecId) -> bool {
        // The specification is fixed for the life of a block's EVM.
        false
    }

    fn run(
        &mut self,
        context: &mut BlockContext<DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let gas_max = context.chain.precompile_gas_max();
        let result = if inputs.gas_limit <= gas_max {
            self.run_within(context, inputs)?
        } else {
            let bounded = CallInputs {
                gas_limit: gas_max,
                ..inputs.clone()
            };
            let mut result = self.run_within(context, &bounded)?;
            if let Some(result) = &mut result {
                // The frame gave all its gas: what the bound kept back is returned, unless the call failed.
                let spent = result.gas.total_gas_spent();
                let failed = !result.result.is_ok_or_revert();
                result.gas = Gas::new(inputs.gas_limit);
                result
                    .gas
                    .set_spent(if failed { inputs.gas_limit } else { spent });
            }
            result
        };
        if let Some(result) = &result {
            let used = result.gas.total_gas_spent().min(gas_max);
            context.chain.count_precompile(used);
        }
        Ok(result)
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.warm()
    }
}

/// How transactions of a block are validated, run and paid for; see the module's documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockHandler<EVM, ERROR> {
    beneficiary_takes_base_fee: bool,
    /// Wei that a message mints for its sender.
    mint: U256,
    /// What a user pays beyond gas.
    charge: Option<Charge>,
    types: PhantomData<(EVM, ERROR)>,
}

impl<EVM, ERROR> BlockHandler<EVM, ERROR> {
    pub(crate) const fn new(rules: &Rules) -> Self {
        Self {
            beneficiary_takes_base_fee: rules.is_rollmill(),
            mint: U256::ZERO,
            charge: None,
            types: PhantomData,
        }
    }

    /// For a message with this mint.
    pub(crate) fn minting(self, mint: U256) -> Self {
        Self { mint, ..self }
    }

    /// For a user that pays this.
    pub(crate) fn charging(self, charge: Option<Charge>) -> Self {
        Self { charge, ..self }
    }
}

impl<EVM, ERROR> Handler for BlockHandler<EVM, ERROR>
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
        if evm.ctx().tx().tx_type() == L1_MESSAGE_TX_TYPE {
            let gas = self.validate_initial_tx_gas(evm)?;
            mint_for_message(evm.ctx(), self.mint)?;
            return Ok(gas);
        }
        self.validate_env(evm)?;
        let mut gas = self.validate_initial_tx_gas(evm)?;
        self.validate_against_state_and_deduct_caller(evm, &mut gas)?;
        if let Some(charge) = &self.charge {
            charge.hold::<_, ERROR>(evm.ctx())?;
        }
        Ok(gas)
    }

    fn reward_beneficiary(
        &self,
        evm: &mut EVM,
        exec_result: &mut FrameResult,
    ) -> Result<(), ERROR> {
        if !self.beneficiary_takes_base_fee {
            return Ok(post_execution::reward_beneficiary(
                evm.ctx(),
                exec_result.gas(),
            )?);
        }
        let (block, tx, cfg, journal, _, _) = evm.ctx().all_mut();
        if cfg.is_fee_charge_disabled() {
            return Ok(());
        }
        let price = tx.effective_gas_price(block.basefee().into());
        let fee = U256::from(price) * U256::from(exec_result.gas().used());
        journal
            .load_account_mut(block.beneficiary())?
            .incr_balance(fee);
        if let Some(charge) = &self.charge {
            charge.settle(evm.ctx(), exec_result.gas().used())?;
        }
        Ok(())
    }
}

/// Mints what came with a message for its sender and increments the sender's nonce. This happens before the checkpoint that a
/// failing call reverts to, so the mint outlives the failure.
fn mint_for_message<CTX: ContextTr>(
    context: &mut CTX,
    mint: U256,
) -> Result<(), <CTX::Db as Database>::Error> {
    let (_, tx, _, journal, _, _) = context.all_mut();
    let mut sender = journal.load_account_with_code_mut(tx.caller())?.data;
    let balance = sender.balance().saturating_add(mint);
    sender.set_balance(balance);
    sender.bump_nonce();
    Ok(())
}
