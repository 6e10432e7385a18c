//! Building a block, one transaction at a time.
//!
//! Model: [`BlockExecutor::begin`] opens a block on a parent, [`BlockExecutor::push`] executes one transaction, and
//! [`BlockExecutor::finish`] closes the block and returns the header, receipts and state changes. The sequencer and the
//! embedded L1 build with it; [`crate::import::execute_block`] and [`crate::batch::execute_batch`] push a given block's
//! transactions through the same code, so there is one definition of what a block does.
//!
//! Rules: a transaction that may not be in the block is a [`TxRejection`] and leaves the block as it was; any other error
//! ends the block. L1 messages come before all other transactions.

mod error;
mod outcome;

pub use error::{BlockError, PushError, TxRejection};
pub use outcome::TxOutcome;

use crate::{
    evm::{BlockEvm, BlockHandler, block_evm, evm_env, keccak_permutations, mint_for_message},
    fees::{Charge, FeePrices, transaction_work},
    header::{BlockAttributes, next_header, validate_header},
    overlay::{BlockHashes, Overlay},
    rules::{Fork, Rules},
    source::{BlockHashSource, StateSource},
    state::{StateChanges, StateError, StateTrie, StateUpdate},
    system,
    transaction::{Block, Receipt, RecoveredTransaction, Transaction, TxL1Message},
};
use alloc::vec::Vec;
use alloy_consensus::{
    BlockBody, Eip2718EncodableReceipt, Header, Transaction as _, TransactionEnvelope, TxReceipt,
    proofs::{
        calculate_transaction_root, calculate_withdrawals_root, ordered_trie_root_with_encoder,
    },
};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::BEACON_ROOTS_ADDRESS,
    eip4895::{Withdrawal, Withdrawals},
    eip7825::MAX_TX_GAS_LIMIT_OSAKA,
};
use alloy_primitives::{Address, B256, Bloom, Bytes};
use revm::{
    context::{
        ContextSetters, ContextTr, JournalTr, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, OutOfGasError, ResultGas},
    },
    handler::Handler,
    state::EvmState,
};
use rollmill_protocol::{ProverGas, WorkCounts};

/// A finished block.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    /// Complete header.
    pub header: Header,
    /// Hash of the header.
    pub hash: B256,
    /// Transactions in order.
    pub transactions: Vec<Transaction>,
    /// Their senders.
    pub senders: Vec<Address>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
    /// Prover gas counted for each.
    pub prover_gas: Vec<ProverGas>,
    /// Withdrawals; some from Shanghai on.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// EIP-7685 requests, each with its type byte in front.
    pub requests: Vec<Bytes>,
    /// What the state became: new root, nodes and codes.
    pub update: StateUpdate,
    /// Counted proving work, without the witness's bytes.
    pub work: WorkCounts,
}

impl ExecutedBlock {
    /// The block as it is encoded and sent around.
    pub fn into_block(self) -> Block {
        let Self {
            header,
            transactions,
            withdrawals,
            ..
        } = self;
        Block {
            header,
            body: BlockBody {
                transactions,
                ommers: Vec::new(),
                withdrawals: withdrawals.map(Withdrawals),
            },
        }
    }
}

/// A block under construction; see the module's documentation.
#[derive(Debug)]
pub struct BlockExecutor<S: StateSource, B: BlockHashSource> {
    rules: Rules,
    fork: Fork,
    evm: BlockEvm<Overlay<S, B>>,
    header: Header,
    withdrawals: Option<Vec<Withdrawal>>,
    transactions: Vec<Transaction>,
    senders: Vec<Address>,
    receipts: Vec<Receipt>,
    prover_gas: Vec<ProverGas>,
    /// Prices of the block, once they are known.
    prices: Option<FeePrices>,
    blob_gas_used: u64,
    signatures: u64,
    input_bytes: u64,
}

impl<S: StateSource, B: BlockHashSource> BlockExecutor<S, B> {
    /// Opens the child of `parent` on the state after `parent`. `block_hashes` answers BLOCKHASH under
    /// [`Rules::Ethereum`]; the rollup answers from its state.
    pub fn begin(
        rules: &Rules,
        parent: &Header,
        parent_hash: B256,
        attributes: BlockAttributes,
        state: StateTrie<S>,
        block_hashes: B,
    ) -> Result<Self, BlockError> {
        let mut header = next_header(rules, parent, parent_hash, &attributes);
        let BlockAttributes { withdrawals, .. } = attributes;
        header.withdrawals_root = withdrawals.as_deref().map(calculate_withdrawals_root);
        validate_header(rules, parent, parent_hash, &header)?;
        let mut executor = Self::at_header(rules, header, state, block_hashes);
        executor.withdrawals = withdrawals;
        executor.open()?;
        Ok(executor)
    }

    /// Opens a block with this header as it is: nothing is checked, no system call is made. For transactions outside of a
    /// chain (Ethereum's state tests), with [`Self::into_state`] as the end.
    pub fn at_header(rules: &Rules, header: Header, state: StateTrie<S>, block_hashes: B) -> Self {
        let source = if rules.is_rollmill() {
            BlockHashes::History
        } else {
            BlockHashes::Headers
        };
        let overlay = Overlay::new(state, block_hashes, source);
        Self {
            fork: rules.fork(header.timestamp),
            evm: block_evm(rules, evm_env(rules, &header), overlay),
            rules: rules.clone(),
            header,
            withdrawals: None,
            transactions: Vec::new(),
            senders: Vec::new(),
            receipts: Vec::new(),
            prover_gas: Vec::new(),
            prices: None,
            blob_gas_used: 0,
            signatures: 0,
            input_bytes: 0,
        }
    }

    /// With these prices of data and proving, for a state that is not the one before the block.
    pub fn with_prices(self, prices: FeePrices) -> Self {
        Self {
            prices: Some(prices),
            ..self
        }
    }

    /// Ends after the transactions, without withdrawals and requests: their receipts, what the state became, and the
    /// state.
    pub fn into_state(self) -> Result<(Vec<Receipt>, StateUpdate, StateTrie<S>), BlockError> {
        let (mut trie, changes) = self.evm.ctx.journaled_state.database.finish();
        let update = trie.apply(changes)?;
        Ok((self.receipts, update, trie))
    }

    /// System calls before the transactions.
    fn open(&mut self) -> Result<(), BlockError> {
        if let Some(root) = self.header.parent_beacon_block_root
            && !self.rules.is_rollmill()
        {
            system::system_call(
                &mut self.evm,
                &self.rules,
                BEACON_ROOTS_ADDRESS,
                root.into(),
            )?;
        }
        if self.fork >= Fork::Prague {
            let parent_hash = self.header.parent_hash.into();
            system::system_call(
                &mut self.evm,
                &self.rules,
                HISTORY_STORAGE_ADDRESS,
                parent_hash,
            )?;
        }
        Ok(())
    }

    /// The header so far: everything that does not depend on the transactions.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Gas used by the transactions so far.
    pub fn gas_used(&self) -> u64 {
        self.receipts
            .last()
            .map_or(0, |receipt| receipt.cumulative_gas_used)
    }

    /// Number of transactions so far.
    pub const fn transaction_count(&self) -> usize {
        self.transactions.len()
    }

    /// The transactions from position `first` on, with their senders.
    pub fn transactions_from(
        &self,
        first: usize,
    ) -> impl ExactSizeIterator<Item = (&Transaction, Address)> {
        let senders = self.senders.iter().copied();
        self.transactions.iter().zip(senders).skip(first)
    }

    /// The receipts of the transactions so far.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Prover gas counted for each transaction so far.
    pub fn prover_gas(&self) -> &[ProverGas] {
        &self.prover_gas
    }

    /// What the transactions and system calls so far made of the state before the block.
    pub fn changes(&self) -> StateChanges {
        self.evm.ctx.journaled_state.database.changes()
    }

    /// Counted proving work so far: without the block's root, which only [`Self::finish`] knows, and without the witness.
    pub fn work(&self) -> WorkCounts {
        let meter = self.evm.ctx.chain;
        WorkCounts {
            blocks: 1,
            transactions: self.transactions.len() as u64,
            signatures: self.signatures,
            evm_gas: self.gas_used(),
            input_bytes: self.input_bytes,
            execution: meter.execution(),
            ..WorkCounts::default()
        }
    }

    /// Makes room for so many transactions more.
    pub fn reserve(&mut self, transactions: usize) {
        self.transactions.reserve_exact(transactions);
        self.senders.reserve_exact(transactions);
        self.receipts.reserve_exact(transactions);
        self.prover_gas.reserve_exact(transactions);
    }

    /// Executes one transaction at the end of the block.
    pub fn push(&mut self, transaction: RecoveredTransaction) -> Result<TxOutcome, PushError> {
        self.push_if(transaction, |_| true)
    }

    /// Executes one transaction at the end of the block, and keeps it if `fits` says so of the block's work with it. What one transaction
    /// or L1 message can cause is bounded ([`EXECUTION_MAX`](rollmill_protocol::prover_gas::EXECUTION_MAX)), so that each can be in a block
    /// of its own.
    pub fn push_if(
        &mut self,
        transaction: RecoveredTransaction,
        fits: impl FnOnce(WorkCounts) -> bool,
    ) -> Result<TxOutcome, PushError> {
        let (transaction, sender) = transaction.into_parts();
        let env = transaction.env(sender);
        let blob_gas = self.admit(&transaction, &env)?;
        let meter = self.evm.ctx.chain;
        self.evm.ctx.chain.begin(&self.rules, &env);
        let ran = match transaction.as_l1_message() {
            Some(message) => self.run_message(message, env),
            None => {
                let charge = Charge::new(&transaction, self.prices()?, meter);
                self.run(env, BlockHandler::new(&self.rules).charging(charge))
            }
        };
        let checked = ran.and_then(|(result, changes)| {
            let (before, after) = (self.work(), self.evm.ctx.chain);
            let own = transaction_work(&transaction, result.tx_gas_used(), &meter, &after);
            let work = WorkCounts {
                transactions: before.transactions + 1,
                signatures: before.signatures + own.signatures,
                evm_gas: before.evm_gas + own.evm_gas,
                input_bytes: before.input_bytes + own.input_bytes,
                ..before
            };
            if fits(work) {
                Ok((result, changes, own))
            } else {
                Err(TxRejection::Work.into())
            }
        });
        let (result, changes, own) = checked.inspect_err(|_| self.evm.ctx.chain = meter)?;
        self.evm.ctx.db_mut().commit(changes);
        let prover_gas = own.without_base().unwrap_or(ProverGas::MAX);
        let (outcome, logs) = TxOutcome::of(result, prover_gas);
        self.blob_gas_used += blob_gas;
        self.signatures += own.signatures;
        self.input_bytes += own.input_bytes;
        self.receipts.push(Receipt {
            tx_type: transaction.tx_type(),
            success: outcome.success,
            cumulative_gas_used: self.gas_used() + outcome.gas_used,
            logs,
        });
        self.prover_gas.push(prover_gas);
        self.transactions.push(transaction);
        self.senders.push(sender);
        Ok(outcome)
    }

    /// Prices of data and proving in this block: those of the state before it. Zero on L1.
    fn prices(&mut self) -> Result<FeePrices, StateError> {
        let prices = match self.prices {
            Some(prices) => prices,
            None if self.rules.is_rollmill() => {
                FeePrices::of_state(self.evm.ctx.db_mut().before())?
            }
            None => FeePrices::default(),
        };
        self.prices = Some(prices);
        Ok(prices)
    }

    /// Checks the transaction's place in the block; returns its blob gas.
    fn admit(&self, transaction: &Transaction, env: &TxEnv) -> Result<u64, TxRejection> {
        let available = self.header.gas_limit - self.gas_used();
        let gas_limit = match transaction {
            Transaction::Ethereum(_) => env.gas_limit,
            Transaction::L1Message(message) => message_gas_limit(message),
        };
        if gas_limit > available {
            return Err(TxRejection::BlockGas {
                gas_limit,
                available,
            });
        }
        let rollmill = self.rules.is_rollmill();
        match transaction {
            Transaction::L1Message(_) if !rollmill => Err(TxRejection::Message),
            Transaction::L1Message(_) => match self.transactions.last() {
                Some(Transaction::Ethereum(_)) => Err(TxRejection::MessageOrder),
                _ => Ok(0),
            },
            Transaction::Ethereum(tx) => match tx.blob_gas_used() {
                None => Ok(0),
                Some(_) if rollmill => Err(TxRejection::Blobs),
                Some(blob_gas) => self.admit_blobs(blob_gas),
            },
        }
    }

    fn admit_blobs(&self, blob_gas: u64) -> Result<u64, TxRejection> {
        let params = self.rules.blob_params(self.header.timestamp);
        let limit = params.map_or(0, |params| params.max_blob_gas_per_block());
        let available = limit.saturating_sub(self.blob_gas_used);
        if blob_gas > available {
            Err(TxRejection::BlockBlobGas {
                blob_gas,
                available,
            })
        } else {
            Ok(blob_gas)
        }
    }

    /// Executes a transaction; its changes are returned and not kept.
    fn run(
        &mut self,
        env: TxEnv,
        mut handler: BlockHandler<BlockEvm<Overlay<S, B>>, EVMError<StateError>>,
    ) -> Result<(ExecutionResult, EvmState), PushError> {
        self.evm.ctx.set_tx(env);
        let result = handler.run(&mut self.evm);
        let state = self.evm.ctx.journal_mut().finalize();
        match result {
            Ok(result) => Ok((result, state)),
            Err(EVMError::Transaction(error)) => Err(TxRejection::Invalid(error).into()),
            Err(error) => Err(BlockError::from_evm(error).into()),
        }
    }

    /// Executes a message; its changes are returned and not kept. One whose gas cannot even pay for its data is included all the same, as a
    /// failed transaction: otherwise a single message could block the queue.
    fn run_message(
        &mut self,
        message: &TxL1Message,
        mut env: TxEnv,
    ) -> Result<(ExecutionResult, EvmState), PushError> {
        env.gas_limit = message_gas_limit(message);
        let result = self.run(env, BlockHandler::new(&self.rules).minting(message.mint));
        match result {
            Err(PushError::Rejected(TxRejection::Invalid(_))) => {
                mint_for_message(&mut self.evm.ctx, message.mint)?;
                let changes = self.evm.ctx.journal_mut().finalize();
                let gas = ResultGas::default().with_total_gas_spent(message_gas_limit(message));
                let reason = HaltReason::OutOfGas(OutOfGasError::Basic);
                let result = ExecutionResult::Halt {
                    reason,
                    gas,
                    logs: Vec::new(),
                };
                Ok((result, changes))
            }
            result => result,
        }
    }

    /// Closes the block. Returns it with the state after it, ready for the next block.
    pub fn finish(mut self) -> Result<(ExecutedBlock, StateTrie<S>), BlockError> {
        self.withdraw()?;
        let requests = match &self.rules {
            Rules::Ethereum(ethereum) if self.fork >= Fork::Prague => {
                system::requests(&mut self.evm, &self.rules, ethereum, &self.receipts)?
            }
            _ => Vec::new(),
        };
        let work = self.work();
        let (mut trie, changes) = self.evm.ctx.journaled_state.database.finish();
        let update = trie.apply(changes)?;
        let mut header = self.header;
        header.gas_used = work.evm_gas;
        header.state_root = update.root;
        header.transactions_root = calculate_transaction_root(&self.transactions);
        (header.receipts_root, header.logs_bloom) = seal_receipts(&self.receipts);
        if header.blob_gas_used.is_some() {
            header.blob_gas_used = Some(self.blob_gas_used);
        }
        if header.requests_hash.is_some() && !requests.is_empty() {
            header.requests_hash = Some(system::requests_hash(&requests));
        }
        let hashed = update
            .nodes
            .iter()
            .map(|(_, node)| node.len())
            .chain(update.codes.iter().map(|(_, code)| code.len()));
        let block = ExecutedBlock {
            hash: header.hash_slow(),
            work: WorkCounts {
                keccak_permutations: hashed.map(|bytes| keccak_permutations(bytes as u64)).sum(),
                ..work
            },
            header,
            transactions: self.transactions,
            senders: self.senders,
            receipts: self.receipts,
            prover_gas: self.prover_gas,
            withdrawals: self.withdrawals,
            requests,
            update,
        };
        Ok((block, trie))
    }

    /// Pays the withdrawals (EIP-4895).
    fn withdraw(&mut self) -> Result<(), BlockError> {
        let overlay = self.evm.ctx.journaled_state.db_mut();
        for withdrawal in self.withdrawals.iter().flatten() {
            overlay.credit(withdrawal.address, withdrawal.amount_wei())?;
        }
        Ok(())
    }
}

/// Gas that a message may use: what was bought, up to the cap of a transaction (EIP-7825), so that it always fits a block.
fn message_gas_limit(message: &TxL1Message) -> u64 {
    message.gas_limit.min(MAX_TX_GAS_LIMIT_OSAKA)
}

/// Root of the receipts and union of their blooms.
fn seal_receipts(receipts: &[Receipt]) -> (B256, Bloom) {
    let mut union = Bloom::ZERO;
    let root = ordered_trie_root_with_encoder(receipts, |receipt, out| {
        // Most have no logs: nothing to hash and nothing to join.
        if receipt.logs.is_empty() {
            return receipt.eip2718_encode_with_bloom(&Bloom::ZERO, out);
        }
        let bloom = receipt.bloom();
        union.accrue_bloom(&bloom);
        receipt.eip2718_encode_with_bloom(&bloom, out);
    });
    (root, union)
}
