//! The EVM of a block: revm with our handler, precompiles and meters.
//!
//! Differences from revm's mainnet EVM, all of them decided by data and none by features:
//! - transactions of type 0x7E mint and skip nonce, signature and fee rules (`BlockHandler`);
//! - on the rollup the fee recipient gets the whole fee, base fee included: burning ether on L2 would lock it up on L1;
//!   and users pay for data and proving besides ([`crate::fees`]);
//! - a chain may add precompiles ([`ChainPrecompiles`](crate::rules::ChainPrecompiles));
//! - on the rollup, what instructions and precompiles cost the proof is counted and bounded ([`WorkMeter`]).

mod meter;
mod precompiles;

pub use meter::{WorkMeter, metered};
pub(crate) use meter::{code_words, keccak_permutations};
pub use precompiles::BlockPrecompiles;

use crate::{fees::Charge, rules::Rules};
use alloy_consensus::Header;
use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use core::marker::PhantomData;
use revm::{
    Context, Database, Journal,
    bytecode::opcode::EXTCODEHASH,
    context::{
        Block as _, BlockEnv, Cfg, CfgEnv, ContextTr, Evm, JournalTr, Transaction as _, TxEnv,
        journaled_state::account::JournaledAccountTr, result::HaltReason,
    },
    context_interface::block::BlobExcessGasAndPrice,
    handler::{
        EthFrame, EvmTr, EvmTrError, FrameResult, FrameTr, Handler, instructions::EthInstructions,
        post_execution,
    },
    interpreter::{
        InitialAndFloorGas, Instruction, InstructionContext, InstructionExecResult,
        instructions::host, interpreter::EthInterpreter, interpreter_action::FrameInit,
    },
    state::EvmState,
};
use rollmill_protocol::l2::L1_MESSAGE_TX_TYPE;

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
    if rules.is_rollmill() {
        *instructions.instruction_table_mut() = const { meter::instructions::<DB>() };
    } else {
        let gas = instructions.gas_table()[usize::from(EXTCODEHASH)];
        instructions.insert_instruction(EXTCODEHASH, Instruction::new(true_extcodehash), gas);
    }
    Evm::new(ctx, instructions, BlockPrecompiles::new(rules, spec))
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
pub(crate) fn mint_for_message<CTX: ContextTr>(
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
