//! What a user of the rollup pays beyond gas: for its data on L1, and for its proof.
//!
//! | term | units | price | goes to |
//! |---|---|---|---|
//! | data fee | data gas: what L1 takes for the encoded transaction as calldata, 10 for a zero byte and 40 for another (the floor of EIP-7623) | wei per data gas | the fee recipient, as gas does: the operator's costs |
//! | proving fee | the prover gas that is counted for the transaction | wei per prover gas | [`PROVING_VAULT`]: the rollers' rewards |
//!
//! Model: both prices stand in one slot of a predeploy ([`FEE_SCHEDULE`]), which bounds them. A block's prices are those of the
//! state before the block, so that what a transaction pays does not depend on its neighbours, and anybody who has the parent's
//! state knows it. At genesis they are zero.
//!
//! Before a transaction runs, its sender must have gas, value, the data fee and the proving fee of the most prover gas that the gas
//! limit can cause ([`transaction_max`]); otherwise it may not be in a block. That much is held back while it runs
//! ([`Charge::hold`]); what it did not cost is returned, and the rest goes to both recipients, also when it fails
//! ([`Charge::settle`]). L1 messages pay neither: their gas was bought on L1. Calls and estimates pay neither, as they pay no gas.
//!
//! Why data gas and not the length in the batch: what a transaction adds to a compressed batch depends on the others in it, and must
//! not. Zeros are what compresses, and L1 prices them so; what the compressor saves beyond that is in the price.

use alloc::boxed::Box;
use alloy_consensus::Transaction as _;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::U256;
use revm::{
    Database,
    context::{
        Block as _, ContextTr, JournalTr, Transaction as _,
        journaled_state::account::JournaledAccountTr, result::InvalidTransaction,
    },
    state::EvmState,
};
use rollmill_protocol::{
    WorkCounts,
    l2::{FEE_PRICES_SLOT, FEE_SCHEDULE, PROVING_VAULT},
    prover_gas::{ProverGas, transaction_max},
};

use crate::{
    evm::WorkMeter,
    source::StateSource,
    state::{StateError, StateTrie},
    transaction::Transaction,
};

/// L1 gas of a zero byte of calldata at the floor (EIP-7623).
const GAS_PER_ZERO_BYTE: u64 = 10;
/// L1 gas of any other.
const GAS_PER_BYTE: u64 = 40;

/// The prices of the two terms, wei.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeePrices {
    /// Wei per data gas.
    pub data_wei: u128,
    /// Wei per prover gas.
    pub proving_wei: u128,
}

impl FeePrices {
    /// The prices in a state: those of the block after it.
    pub fn of_state<S: StateSource>(state: &mut StateTrie<S>) -> Result<Self, StateError> {
        let slot = U256::from(FEE_PRICES_SLOT);
        state.storage(FEE_SCHEDULE, slot).map(Self::from_word)
    }

    /// As the predeploy packs them: data in the upper half, proving in the lower.
    pub fn from_word(word: U256) -> Self {
        let [first, second, third, fourth] = word.into_limbs();
        let half = |low: u64, high: u64| (u128::from(high) << 64) | u128::from(low);
        Self {
            data_wei: half(third, fourth),
            proving_wei: half(first, second),
        }
    }

    /// Whether there is nothing to pay.
    pub const fn is_zero(&self) -> bool {
        self.data_wei == 0 && self.proving_wei == 0
    }

    /// Wei for so much data gas. No overflow: 64 bits by 128.
    pub fn data_fee(&self, data_gas: u64) -> U256 {
        U256::from(data_gas) * U256::from(self.data_wei)
    }

    /// Wei for so much prover gas. No overflow: 64 bits by 128.
    pub fn proving_fee(&self, prover_gas: ProverGas) -> U256 {
        U256::from(prover_gas) * U256::from(self.proving_wei)
    }

    /// What an executed transaction paid: data fee and proving fee. Zero for a message.
    pub fn paid(&self, transaction: &Transaction, prover_gas: ProverGas) -> (U256, U256) {
        if transaction.as_l1_message().is_some() {
            return (U256::ZERO, U256::ZERO);
        }
        (
            self.data_fee(data_gas(transaction)),
            self.proving_fee(prover_gas),
        )
    }

    /// The most wei that both terms can take for a transaction: what is held back while it runs. Zero for a message.
    pub fn most(&self, transaction: &Transaction) -> U256 {
        let (data, proving) = self.most_by_term(transaction);
        data + proving
    }

    /// The same as data fee and proving fee. Counts the transaction's bytes once.
    fn most_by_term(&self, transaction: &Transaction) -> (U256, U256) {
        if self.is_zero() || transaction.as_l1_message().is_some() {
            return (U256::ZERO, U256::ZERO);
        }
        (
            self.data_fee(data_gas(transaction)),
            self.proving_fee(prover_gas_max(transaction)),
        )
    }
}

/// The most prover gas that a signed transaction can cause.
pub fn prover_gas_max(transaction: &Transaction) -> ProverGas {
    transaction_max(
        transaction.gas_limit(),
        transaction.signatures(),
        transaction.input().len() as u64,
    )
}

/// L1 gas of a transaction's bytes as calldata; zero for a message, which L1 has already.
pub fn data_gas(transaction: &Transaction) -> u64 {
    if transaction.as_l1_message().is_some() {
        return 0;
    }
    calldata_gas(&transaction.encoded_2718())
}

/// L1 gas of these bytes as calldata, at the floor.
pub fn calldata_gas(bytes: &[u8]) -> u64 {
    let zeros = bytes.iter().filter(|byte| **byte == 0).count() as u64;
    GAS_PER_BYTE * bytes.len() as u64 - (GAS_PER_BYTE - GAS_PER_ZERO_BYTE) * zeros
}

/// The work of one transaction: its share of what is counted for a block, without root and witness, which it shares with others.
pub fn transaction_work(
    transaction: &Transaction,
    evm_gas: u64,
    before: &WorkMeter,
    after: &WorkMeter,
) -> WorkCounts {
    WorkCounts {
        evm_gas,
        execution: after.execution() - before.execution(),
        ..standing_work(transaction)
    }
}

/// Of that, what is there before it runs.
fn standing_work(transaction: &Transaction) -> WorkCounts {
    WorkCounts {
        transactions: 1,
        signatures: transaction.signatures(),
        input_bytes: transaction.input().len() as u64,
        ..WorkCounts::default()
    }
}

/// Both terms of one transaction while it runs. Made before, held and settled by whoever runs it.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    prices: FeePrices,
    /// What is counted for it besides what it runs.
    standing: WorkCounts,
    data_fee: U256,
    /// Data fee and the most that proving can cost.
    held: U256,
    before: WorkMeter,
}

impl Charge {
    /// For a transaction that is about to run on an EVM with this meter; `None` when it pays nothing.
    pub fn new(transaction: &Transaction, prices: FeePrices, meter: WorkMeter) -> Option<Self> {
        let (data_fee, proving_fee_max) = prices.most_by_term(transaction);
        let held = data_fee + proving_fee_max;
        if held.is_zero() {
            return None;
        }
        Some(Self {
            prices,
            standing: standing_work(transaction),
            data_fee,
            held,
            before: meter,
        })
    }

    /// Holds the most that both terms can take back from the sender, after gas was bought. Refused when the sender cannot pay that
    /// besides gas and value.
    pub fn hold<CTX, ERROR>(&self, context: &mut CTX) -> Result<(), ERROR>
    where
        CTX: ContextTr<Journal: JournalTr<State = EvmState>>,
        ERROR: From<InvalidTransaction> + From<<CTX::Db as Database>::Error>,
    {
        let (block, tx, _, journal, _, _) = context.all_mut();
        let gas_limit = U256::from(tx.gas_limit());
        let bought = gas_limit * U256::from(tx.effective_gas_price(block.basefee().into()));
        // The sender must have the gas at its own highest price, though it pays the block's.
        let reserve = gas_limit * U256::from(tx.max_fee_per_gas()) - bought;
        let mut sender = journal.load_account_mut(tx.caller())?;
        let left = *sender.balance();
        let needed = reserve.saturating_add(tx.value()).saturating_add(self.held);
        if left < needed {
            return Err(InvalidTransaction::LackOfFundForMaxFee {
                fee: Box::new(bought.saturating_add(needed)),
                balance: Box::new(left + bought),
            }
            .into());
        }
        sender.set_balance(left - self.held);
        Ok(())
    }

    /// Returns to the sender what the transaction did not cost of what was held, and credits the data fee to the fee recipient and
    /// the proving fee to [`PROVING_VAULT`].
    /// INVARIANT: what is held is what is returned and credited, whatever was counted.
    pub fn settle<CTX>(
        &self,
        context: &mut CTX,
        gas_used: u64,
    ) -> Result<(), <CTX::Db as Database>::Error>
    where
        CTX: ContextTr<Journal: JournalTr<State = EvmState>, Chain = WorkMeter>,
    {
        let (block, tx, _, journal, meter, _) = context.all_mut();
        let work = WorkCounts {
            evm_gas: gas_used,
            execution: meter.execution() - self.before.execution(),
            ..self.standing
        };
        let most = self.held - self.data_fee;
        let proving = work.without_base().map(|gas| self.prices.proving_fee(gas));
        let proving = proving.map_or(most, |proving| proving.min(most));
        let credits = [
            (tx.caller(), most - proving),
            (block.beneficiary(), self.data_fee),
            (PROVING_VAULT, proving),
        ];
        // An account that gets nothing is not touched: the proof would have to show it.
        for (account, amount) in credits.into_iter().filter(|(_, wei)| !wei.is_zero()) {
            journal.load_account_mut(account)?.incr_balance(amount);
        }
        Ok(())
    }
}
