//! JSON shapes of transactions, receipts and blocks.
//!
//! Ethereum's types are alloy's. A transaction of type 0x7E looks like any other typed transaction, with a price of zero,
//! an empty signature, its place in the L1 queue and the amount it minted, so that explorers and libraries that do not
//! know it still show sender, receiver, value and input.

use alloy_consensus::{
    BlockHeader as _, Header, Receipt as ConsensusReceipt, ReceiptWithBloom, Sealed,
    Transaction as _, TxReceipt, Typed2718,
    transaction::{Recovered, TransactionInfo},
};
use alloy_eips::{Encodable2718, eip7840::BlobParams};
use alloy_primitives::{Address, B256, Bytes, U64, U128, U256};
use alloy_rpc_types_eth::{
    AnyReceiptEnvelope, Block, BlockTransactions, Header as RpcHeader, Log,
    Transaction as EthereumRpcTransaction, TransactionReceipt,
};
use rollmill_stf::{
    Receipt, Transaction, TxL1Message,
    fees::{FeePrices, data_gas},
    transaction::EthereumTransaction,
};
use serde::Serialize;

use crate::chain::StoredBlock;

/// A receipt of any type, on the rollup with what was paid beyond gas.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RpcReceipt {
    #[serde(flatten)]
    inner: TransactionReceipt<AnyReceiptEnvelope<Log>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    fees: Option<RpcReceiptFees>,
}

/// What a transaction of the rollup paid beyond gas. The first three are op-stack's by name and meaning.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RpcReceiptFees {
    /// Data gas.
    l1_gas_used: U64,
    /// Wei per data gas.
    l1_gas_price: U256,
    l1_fee: U256,
    prover_gas_used: U64,
    /// Wei per prover gas.
    prover_gas_price: U256,
    proving_fee: U256,
}

impl RpcReceiptFees {
    fn new(transaction: &Transaction, prover_gas: u64, prices: FeePrices) -> Self {
        let (l1_fee, proving_fee) = prices.paid(transaction, prover_gas);
        Self {
            l1_gas_used: U64::from(data_gas(transaction)),
            l1_gas_price: U256::from(prices.data_wei),
            l1_fee,
            prover_gas_used: U64::from(prover_gas),
            prover_gas_price: U256::from(prices.proving_wei),
            proving_fee,
        }
    }
}

/// What the receipts of a block are priced by, beside its header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BlockPrices {
    /// Blobs, on L1.
    pub(super) blobs: Option<BlobParams>,
    /// Data and proving, on the rollup.
    pub(super) fees: Option<FeePrices>,
}

/// A block with hashes or whole transactions.
pub(super) type RpcBlock = Block<RpcTransaction, RpcHeader>;

/// A transaction, mined or waiting.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum RpcTransaction {
    Ethereum(Box<EthereumRpcTransaction<EthereumTransaction>>),
    L1Message(Box<RpcL1Message>),
}

/// Type 0x7E.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RpcL1Message {
    r#type: U64,
    hash: B256,
    block_hash: Option<B256>,
    block_number: Option<U64>,
    transaction_index: Option<U64>,
    from: Address,
    to: Address,
    value: U256,
    mint: U256,
    gas: U64,
    gas_price: U128,
    nonce: U64,
    input: Bytes,
    queue_index: U64,
    v: U64,
    r: U256,
    s: U256,
}

impl RpcTransaction {
    pub(super) fn new(transaction: Recovered<Transaction>, info: TransactionInfo) -> Self {
        let (transaction, sender) = transaction.into_parts();
        match transaction {
            Transaction::Ethereum(inner) => {
                Self::Ethereum(Box::new(EthereumRpcTransaction::from_transaction(
                    Recovered::new_unchecked(inner, sender),
                    info,
                )))
            }
            Transaction::L1Message(message) => {
                Self::L1Message(Box::new(l1_message(&message, &info)))
            }
        }
    }
}

fn l1_message(message: &Sealed<TxL1Message>, info: &TransactionInfo) -> RpcL1Message {
    RpcL1Message {
        r#type: U64::from(message.ty()),
        hash: message.seal(),
        block_hash: info.block_hash,
        block_number: info.block_number.map(U64::from),
        transaction_index: info.index.map(U64::from),
        from: message.sender,
        to: message.to,
        value: message.value,
        mint: message.mint,
        gas: U64::from(message.gas_limit),
        gas_price: U128::ZERO,
        nonce: U64::ZERO,
        input: message.data.clone(),
        queue_index: U64::from(message.index),
        v: U64::ZERO,
        r: U256::ZERO,
        s: U256::ZERO,
    }
}

/// Where a transaction of a block is.
pub(super) fn place(header: &Sealed<Header>, index: u64, hash: B256) -> TransactionInfo {
    TransactionInfo {
        hash: Some(hash),
        index: Some(index),
        block_hash: Some(header.hash()),
        block_number: Some(header.number),
        base_fee: header.base_fee_per_gas,
        block_timestamp: Some(header.timestamp),
    }
}

/// A transaction that waits.
pub(super) fn unmined(hash: B256) -> TransactionInfo {
    TransactionInfo {
        hash: Some(hash),
        ..TransactionInfo::default()
    }
}

/// A header as subscribers get it: without the block's size, which only the body knows.
pub(super) fn head(header: Sealed<Header>) -> RpcHeader {
    RpcHeader {
        hash: header.hash(),
        inner: header.into_inner(),
        total_difficulty: None,
        size: None,
    }
}

/// A block as clients expect it; `full` decides between transactions and their hashes.
pub(super) fn block(stored: StoredBlock, full: bool) -> RpcBlock {
    let StoredBlock {
        header,
        transactions,
        ..
    } = stored;
    let size = block_size(&header, &transactions);
    let withdrawals = header.withdrawals_root().map(|_| Default::default());
    let transactions = if full {
        BlockTransactions::Full(
            (0u64..)
                .zip(transactions)
                .map(|(index, tx)| {
                    let info = place(&header, index, tx.hash());
                    RpcTransaction::new(tx, info)
                })
                .collect(),
        )
    } else {
        BlockTransactions::Hashes(transactions.iter().map(|tx| tx.hash()).collect())
    };
    let header = RpcHeader {
        hash: header.hash(),
        inner: header.into_inner(),
        total_difficulty: None,
        size: Some(size),
    };
    Block {
        header,
        uncles: Vec::new(),
        transactions,
        withdrawals,
    }
}

/// Length of the block's RLP: `[header, [transactions], [uncles], [withdrawals]]`.
fn block_size(header: &Header, transactions: &[Recovered<Transaction>]) -> U256 {
    let list = |payload_length: usize| {
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .length_with_payload()
    };
    let transactions: usize = transactions.iter().map(|tx| tx.inner().network_len()).sum();
    let empty_lists = 1 + usize::from(header.withdrawals_root.is_some());
    U256::from(list(
        alloy_rlp::Encodable::length(header) + list(transactions) + empty_lists,
    ))
}

/// All receipts of a block.
pub(super) fn receipts(
    block: &StoredBlock,
    receipts: Vec<Receipt>,
    prices: BlockPrices,
) -> Vec<RpcReceipt> {
    let mut gas_before = 0;
    let mut logs_before = 0;
    let mut out = Vec::with_capacity(receipts.len());
    let transactions = block.transactions.iter().zip(&block.prover_gas);
    for ((index, receipt), (transaction, prover_gas)) in (0u64..).zip(receipts).zip(transactions) {
        let place = ReceiptPlace {
            header: &block.header,
            transaction,
            prover_gas: *prover_gas,
            index,
            gas_before,
            logs_before,
            prices,
        };
        gas_before = receipt.cumulative_gas_used;
        logs_before += receipt.logs.len() as u64;
        out.push(place.receipt(receipt));
    }
    out
}

/// The receipt of one transaction of a block; `None` when it has no such position.
pub(super) fn receipt_at(
    block: &StoredBlock,
    receipts: &[Receipt],
    position: usize,
    prices: BlockPrices,
) -> Option<RpcReceipt> {
    let transaction = block.transactions.get(position)?;
    let (before, rest) = receipts.split_at_checked(position)?;
    let place = ReceiptPlace {
        header: &block.header,
        transaction,
        prover_gas: *block.prover_gas.get(position)?,
        index: position as u64,
        gas_before: before.last().map_or(0, |last| last.cumulative_gas_used),
        logs_before: before.iter().map(|receipt| receipt.logs.len() as u64).sum(),
        prices,
    };
    Some(place.receipt(rest.first()?.clone()))
}

/// What a consensus receipt leaves out.
struct ReceiptPlace<'a> {
    header: &'a Sealed<Header>,
    transaction: &'a Recovered<Transaction>,
    prover_gas: u64,
    index: u64,
    gas_before: u64,
    logs_before: u64,
    prices: BlockPrices,
}

impl ReceiptPlace<'_> {
    fn receipt(&self, receipt: Receipt) -> RpcReceipt {
        let fees = self.prices.fees;
        RpcReceipt {
            inner: self.ethereum(receipt),
            fees: fees.map(|fees| RpcReceiptFees::new(self.transaction, self.prover_gas, fees)),
        }
    }

    fn ethereum(&self, receipt: Receipt) -> TransactionReceipt<AnyReceiptEnvelope<Log>> {
        let (header, transaction) = (self.header, self.transaction);
        let hash = transaction.hash();
        let logs_bloom = receipt.bloom();
        let logs = (self.logs_before..)
            .zip(receipt.logs)
            .map(|(log_index, inner)| Log {
                inner,
                block_hash: Some(header.hash()),
                block_number: Some(header.number),
                block_timestamp: Some(header.timestamp),
                transaction_hash: Some(hash),
                transaction_index: Some(self.index),
                log_index: Some(log_index),
                removed: false,
            })
            .collect();
        let consensus = ConsensusReceipt {
            status: receipt.success.into(),
            cumulative_gas_used: receipt.cumulative_gas_used,
            logs,
        };
        let blob_gas_used = transaction.blob_gas_used();
        TransactionReceipt {
            inner: AnyReceiptEnvelope {
                inner: ReceiptWithBloom {
                    receipt: consensus,
                    logs_bloom,
                },
                r#type: transaction.ty(),
            },
            transaction_hash: hash,
            transaction_index: Some(self.index),
            block_hash: Some(header.hash()),
            block_number: Some(header.number),
            gas_used: receipt.cumulative_gas_used - self.gas_before,
            effective_gas_price: transaction.effective_gas_price(header.base_fee_per_gas),
            blob_gas_used,
            blob_gas_price: blob_gas_used
                .and(self.prices.blobs)
                .and_then(|params| header.blob_fee(params)),
            from: transaction.signer(),
            to: transaction.to(),
            contract_address: transaction
                .is_create()
                .then(|| transaction.signer().create(transaction.nonce())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::{LogData, bytes};
    use rollmill_stf::TransactionType;

    use super::*;

    fn message_block() -> StoredBlock {
        let message = TxL1Message {
            index: 9,
            sender: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            mint: U256::from(4),
            value: U256::from(5),
            gas_limit: 100_000,
            data: bytes!("1234"),
        };
        let transaction = Transaction::L1Message(alloy_consensus::Sealable::seal_slow(message));
        let header = Header {
            number: 3,
            timestamp: 40,
            base_fee_per_gas: Some(7),
            ..Header::default()
        };
        StoredBlock {
            header: alloy_consensus::Sealable::seal_slow(header),
            transactions: vec![Recovered::new_unchecked(
                transaction,
                Address::repeat_byte(1),
            )],
            prover_gas: vec![40_000],
            prices: FeePrices::default(),
        }
    }

    fn on_l2() -> BlockPrices {
        BlockPrices {
            fees: Some(FeePrices {
                data_wei: 7,
                proving_wei: 9,
            }),
            ..BlockPrices::default()
        }
    }

    #[test]
    fn a_message_looks_like_any_other_typed_transaction() {
        let block = message_block();
        let hash = block.transactions[0].hash();
        let json = serde_json::to_value(super::block(block, true)).unwrap();
        let transaction = &json["transactions"][0];
        for (field, value) in [
            ("type", "0x7e"),
            ("hash", &hash.to_string()),
            ("blockNumber", "0x3"),
            ("transactionIndex", "0x0"),
            ("from", "0x0101010101010101010101010101010101010101"),
            ("to", "0x0202020202020202020202020202020202020202"),
            ("value", "0x5"),
            ("mint", "0x4"),
            ("gas", "0x186a0"),
            ("gasPrice", "0x0"),
            ("nonce", "0x0"),
            ("input", "0x1234"),
            ("queueIndex", "0x9"),
            ("r", "0x0"),
        ] {
            assert_eq!(transaction[field], value, "{field}");
        }
    }

    #[test]
    fn a_messages_receipt_is_typed_free_and_placed() {
        let log = alloy_primitives::Log {
            address: Address::repeat_byte(2),
            data: LogData::default(),
        };
        let receipt = Receipt {
            tx_type: TransactionType::L1Message,
            success: false,
            cumulative_gas_used: 30_000,
            logs: vec![log],
        };
        let block = message_block();
        let on_l1 = super::receipts(&block, vec![receipt.clone()], BlockPrices::default());
        let on_l1 = serde_json::to_value(&on_l1[0]).unwrap();
        assert!(on_l1["l1Fee"].is_null() && on_l1["proverGasUsed"].is_null());
        let receipts = super::receipts(&block, vec![receipt], on_l2());
        let json = serde_json::to_value(&receipts[0]).unwrap();
        for (field, value) in [
            ("type", "0x7e"),
            ("status", "0x0"),
            ("gasUsed", "0x7530"),
            ("cumulativeGasUsed", "0x7530"),
            ("effectiveGasPrice", "0x0"),
            ("l1GasUsed", "0x0"),
            ("l1GasPrice", "0x7"),
            ("l1Fee", "0x0"),
            ("proverGasUsed", "0x9c40"),
            ("proverGasPrice", "0x9"),
            ("provingFee", "0x0"),
            ("blockNumber", "0x3"),
            ("from", "0x0101010101010101010101010101010101010101"),
        ] {
            assert_eq!(json[field], value, "{field}");
        }
        assert!(json["contractAddress"].is_null());
        assert_eq!(json["logs"][0]["logIndex"], "0x0");
        assert_eq!(json["logs"][0]["blockTimestamp"], "0x28");
    }

    #[test]
    fn one_receipt_is_what_all_of_them_say_of_it() {
        let mut block = message_block();
        let transaction = block.transactions[0].clone();
        block.transactions = vec![transaction; 3];
        block.prover_gas = vec![11, 12, 13];
        let receipt = |logs: usize, cumulative_gas_used| Receipt {
            tx_type: TransactionType::L1Message,
            success: true,
            cumulative_gas_used,
            logs: vec![alloy_primitives::Log::default(); logs],
        };
        let stored = vec![receipt(2, 10), receipt(0, 30), receipt(1, 60)];
        let all = serde_json::to_value(receipts(&block, stored.clone(), on_l2())).unwrap();
        assert_eq!(all[2]["gasUsed"], "0x1e");
        assert_eq!(all[2]["logs"][0]["logIndex"], "0x2");
        assert_eq!(all[2]["proverGasUsed"], "0xd");
        for position in 0..3 {
            let one = receipt_at(&block, &stored, position, on_l2()).unwrap();
            assert_eq!(serde_json::to_value(one).unwrap(), all[position]);
        }
        assert!(receipt_at(&block, &stored, 3, on_l2()).is_none());
    }
}
