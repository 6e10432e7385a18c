//! A block under construction, and whether it has room.

use alloy_consensus::transaction::Recovered;
use revm::context::result::InvalidTransaction;
use rollmill_engine::{
    Chain,
    stf::{BlockExecutor, PushError, Transaction, TxRejection},
};
use rollmill_protocol::{L1Message, WorkCounts};

use super::{BlockLimits, BuildError};
use crate::batcher;

/// A block on the chain's newest one.
pub(super) type Executor = BlockExecutor<Chain, Chain>;

/// A block that grows within its limits.
pub(super) struct Draft {
    pub(super) block: Executor,
    limits: BlockLimits,
    /// What its transactions add to a batch's data.
    data_bytes: usize,
}

/// What became of a transaction that was offered to a block.
pub(super) enum Offered {
    /// The block holds it.
    Executed,
    /// Another block has room for it.
    NoRoom,
    /// Its nonce or its base fee is not there yet.
    Early,
    /// Can never be executed as it is.
    Refused,
}

impl BlockLimits {
    /// Whether a block may hold so much proving work.
    fn fits(&self, work: WorkCounts) -> bool {
        work.prover_gas()
            .is_some_and(|gas| gas <= self.prover_gas_max)
    }
}

impl Draft {
    /// An empty block.
    pub(super) const fn new(block: Executor, limits: BlockLimits) -> Self {
        Self {
            block,
            limits,
            data_bytes: 0,
        }
    }

    /// Transactions and L1 messages that it holds.
    pub(super) fn len(&self) -> usize {
        self.block.transaction_count()
    }

    /// How many more it may hold.
    pub(super) fn room(&self) -> usize {
        self.limits.transactions_max.saturating_sub(self.len())
    }

    /// Executes what was confirmed in this place before, without asking for room.
    pub(super) fn push_confirmed(
        &mut self,
        transaction: Recovered<Transaction>,
    ) -> Result<(), BuildError> {
        let (hash, bytes) = (transaction.hash(), batcher::data_bytes(&transaction));
        self.block.push(transaction).map_err(|error| match error {
            PushError::Rejected(rejection) => BuildError::ConfirmedRefused { hash, rejection },
            PushError::Block(error) => error.into(),
        })?;
        self.data_bytes += bytes;
        Ok(())
    }

    /// Executes L1 messages, and returns how many.
    ///
    /// INVARIANT: messages are executed in order and none is left out; one that does not fit waits for the next block, and
    /// those behind it with it. The first is not asked how much proving it is.
    pub(super) fn push_messages(&mut self, messages: Vec<L1Message>) -> Result<u64, BuildError> {
        let mut executed = 0;
        for message in messages {
            let (limits, is_first) = (self.limits, self.len() == 0);
            let (index, sender) = (message.index, message.sender);
            let transaction = Recovered::new_unchecked(Transaction::from(message), sender);
            let fits = |work| is_first || limits.fits(work);
            match self.block.push_if(transaction, fits) {
                Ok(_) => executed += 1,
                Err(PushError::Rejected(TxRejection::BlockGas { .. } | TxRejection::Work))
                    if !is_first =>
                {
                    break;
                }
                Err(PushError::Rejected(rejection)) => {
                    return Err(BuildError::MessageRefused { index, rejection });
                }
                Err(PushError::Block(error)) => return Err(error.into()),
            }
        }
        Ok(executed)
    }

    /// Executes a transaction if there is room for it. The first is not asked how much proving it is: the rules bound it, and what no block
    /// took would wait for ever.
    pub(super) fn offer(
        &mut self,
        transaction: Recovered<Transaction>,
    ) -> Result<Offered, BuildError> {
        let (hash, bytes) = (transaction.hash(), batcher::data_bytes(&transaction));
        // With nothing before it there is no more room in any block.
        let is_first = self.len() == 0;
        let is_too_long = self.data_bytes + bytes > self.limits.data_bytes_max;
        if !is_first && (self.room() == 0 || is_too_long) {
            return Ok(Offered::NoRoom);
        }
        let limits = self.limits;
        let fits = |work| is_first || limits.fits(work);
        match self.block.push_if(transaction, fits) {
            Ok(_) => {
                self.data_bytes += bytes;
                Ok(Offered::Executed)
            }
            Err(PushError::Rejected(TxRejection::BlockGas { .. } | TxRejection::Work))
                if !is_first =>
            {
                Ok(Offered::NoRoom)
            }
            Err(PushError::Rejected(TxRejection::Invalid(
                InvalidTransaction::GasPriceLessThanBasefee
                | InvalidTransaction::NonceTooHigh { .. },
            ))) => Ok(Offered::Early),
            Err(PushError::Rejected(rejection)) => {
                tracing::warn!(%hash, %rejection, "mempool.dropped");
                Ok(Offered::Refused)
            }
            Err(PushError::Block(error)) => Err(error.into()),
        }
    }
}
