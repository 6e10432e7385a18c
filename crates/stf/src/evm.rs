//! The EVM of a block: revm with our handler, precompiles and meters.
//!
//! Differences from revm's mainnet EVM, all of them decided by data and none by features:
//! - transactions of type 0x7E mint and skip nonce, signature and fee rules ([`BlockHandler`]);
//! - on the rollup the fee recipient gets the whole fee, base fee included: burning ether on L2 would lock it up on L1;
//! - a chain may add precompiles ([`ChainPrecompiles`]);
//! - Keccak permutations and precompile gas are counted for prover gas ([`WorkMeter`]).

use crate::rules::{ChainPrecompileOutcome, ChainPrecompiles, Rules};
use alloc::string::String;
use alloy_consensus::Header;
use alloy_primitives::{U256, map::AddressSet};
use core::marker::PhantomData;
use revm::{
    Context, Database, Journal,
    bytecode::opcode::KECCAK256,
    context::{
        Block as _, BlockEnv, Cfg, CfgEnv, ContextTr, Evm, JournalTr, Transaction as _, TxEnv,
        journaled_state::account::JournaledAccountTr,
        result::HaltReason,
    },
    context_interface::block::BlobExcessGasAndPrice,
    handler::{
        EthFrame, EthPrecompiles, EvmTr, EvmTrError, FrameResult, FrameTr, Handler, PrecompileProvider,
        instructions::EthInstructions, post_execution, precompile_output_to_interpreter_result,
    },
    interpreter::{
        CallInputs, Instruction, InstructionContext, InstructionExecResult, InterpreterResult, InitialAndFloorGas,
        interpreter::EthInterpreter, interpreter_action::FrameInit, instructions::system,
    },
    precompile::{PrecompileHalt, PrecompileOutput},
    primitives::hardfork::SpecId,
    state::EvmState,
};
use rollmill_protocol::l2::L1_MESSAGE_TX_TYPE;

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

/// Work that the EVM's own gas does not price as proving does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkMeter {
    /// Permutations of `KECCAK256` instructions.
    pub keccak_permutations: u64,
    /// EVM gas used inside precompiles.
    pub precompile_gas: u64,
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
        block.blob_excess_gas_and_price =
            Some(BlobExcessGasAndPrice { excess_blob_gas, blob_gasprice: params.calc_blob_fee(excess_blob_gas) });
    }
    (cfg, block)
}

/// An EVM in this environment over `database`.
pub fn block_evm<DB: Database>(rules: &Rules, (cfg, block): (CfgEnv, BlockEnv), database: DB) -> BlockEvm<DB> {
    let spec = cfg.spec;
    let ctx = Context::<BlockEnv, TxEnv, CfgEnv, DB, Journal<DB>, ()>::new(database, spec)
        .with_cfg(cfg)
        .with_block(block)
        .with_chain(WorkMeter::default());
    let mut instructions = EthInstructions::new_mainnet_with_spec(spec);
    let keccak_gas = instructions.gas_table()[usize::from(KECCAK256)];
    instructions.insert_instruction(KECCAK256, Instruction::new(metered_keccak256), keccak_gas);
    Evm::new(ctx, instructions, BlockPrecompiles::new(spec, rules.precompiles().cloned()))
}

/// `KECCAK256`, counting its permutations when it succeeds.
fn metered_keccak256<DB: Database>(
    context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
) -> InstructionExecResult {
    let InstructionContext { interpreter, host } = context;
    let bytes = interpreter.stack.peek(1).ok().and_then(|length| u64::try_from(length).ok());
    system::keccak256(InstructionContext { interpreter, host: &mut *host })?;
    let permutations = keccak_permutations(bytes.unwrap_or_default());
    host.chain.keccak_permutations = host.chain.keccak_permutations.saturating_add(permutations);
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
            let warm = ethereum.warm_addresses().iter().chain(chain.addresses()).copied().collect();
            (chain, warm)
        });
        Self { ethereum, chain }
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
        let address = &inputs.bytecode_address;
        let result = match self.chain.as_ref().and_then(|(chain, _)| chain.at(address)) {
            Some(run) => {
                let outcome = run(&inputs.input.as_bytes(context), inputs.gas_limit);
                let output = match outcome {
                    ChainPrecompileOutcome::Success { gas_used, output } => {
                        PrecompileOutput::new(gas_used, output, inputs.reservoir)
                    }
                    ChainPrecompileOutcome::OutOfGas => {
                        PrecompileOutput::halt(PrecompileHalt::OutOfGas, inputs.reservoir)
                    }
                };
                Some(precompile_output_to_interpreter_result(output, inputs.gas_limit))
            }
            None => self.ethereum.run(context, inputs)?,
        };
        if let Some(result) = &result {
            let meter = &mut context.chain;
            meter.precompile_gas = meter.precompile_gas.saturating_add(result.gas.total_gas_spent());
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
    types: PhantomData<(EVM, ERROR)>,
}

impl<EVM, ERROR> BlockHandler<EVM, ERROR> {
    pub(crate) const fn new(rules: &Rules) -> Self {
        Self { beneficiary_takes_base_fee: rules.is_rollmill(), types: PhantomData }
    }
}

impl<EVM, ERROR> Handler for BlockHandler<EVM, ERROR>
where
    EVM: EvmTr<
            Context: ContextTr<Journal: JournalTr<State = EvmState>>,
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
            mint_for_message(evm.ctx())?;
            return Ok(gas);
        }
        self.validate_env(evm)?;
        let mut gas = self.validate_initial_tx_gas(evm)?;
        self.validate_against_state_and_deduct_caller(evm, &mut gas)?;
        Ok(gas)
    }

    fn reward_beneficiary(&self, evm: &mut EVM, exec_result: &mut FrameResult) -> Result<(), ERROR> {
        if !self.beneficiary_takes_base_fee {
            return Ok(post_execution::reward_beneficiary(evm.ctx(), exec_result.gas())?);
        }
        let (block, tx, cfg, journal, _, _) = evm.ctx().all_mut();
        if cfg.is_fee_charge_disabled() {
            return Ok(());
        }
        let price = tx.effective_gas_price(block.basefee().into());
        let fee = U256::from(price) * U256::from(exec_result.gas().used());
        journal.load_account_mut(block.beneficiary())?.incr_balance(fee);
        Ok(())
    }
}

/// Mints a message's value for its sender and increments the sender's nonce. This happens before the checkpoint that a
/// failing call reverts to, so the mint outlives the failure.
fn mint_for_message<CTX: ContextTr>(context: &mut CTX) -> Result<(), <CTX::Db as Database>::Error> {
    let (_, tx, _, journal, _, _) = context.all_mut();
    let mut sender = journal.load_account_with_code_mut(tx.caller())?.data;
    let balance = sender.balance().saturating_add(tx.value());
    sender.set_balance(balance);
    sender.bump_nonce();
    Ok(())
}
