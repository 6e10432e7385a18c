//! How a block becomes bytes in the file and comes back.

use alloy_consensus::{
    Header, ReceiptWithBloom, Sealable, Sealed, TxReceipt, transaction::Recovered,
};
use alloy_eips::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rollmill_stf::{ExecutedBlock, Receipt, Transaction, fees::FeePrices};

use super::{StorageError, Tag, corrupt, database::BlockRecord};

/// A block as it was appended.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// Header and hash.
    pub header: Sealed<Header>,
    /// Transactions in order, with the senders that were recovered when they were executed.
    pub transactions: Vec<Recovered<Transaction>>,
    /// Prover gas counted for each.
    pub prover_gas: Vec<u64>,
    /// Prices of data and proving in it; zero where the chain has none.
    pub prices: FeePrices,
}

/// Senders are stored because recovering one costs more than the rest of a request, prover gas because only running the block again
/// tells it, prices because the state that tells them is forgotten one day.
#[derive(Default, RlpEncodable, RlpDecodable)]
struct Body {
    transactions: Vec<Bytes>,
    senders: Vec<Address>,
    prover_gas: Vec<u64>,
    data_wei: u128,
    proving_wei: u128,
}

pub(super) fn of(executed: &ExecutedBlock, prices: FeePrices, tags: &[(Tag, u64)]) -> BlockRecord {
    let header = &executed.header;
    let body = Body {
        transactions: executed
            .transactions
            .iter()
            .map(|tx| tx.encoded_2718().into())
            .collect(),
        senders: executed.senders.clone(),
        prover_gas: executed.prover_gas.clone(),
        data_wei: prices.data_wei,
        proving_wei: prices.proving_wei,
    };
    let receipts: Vec<Bytes> = executed
        .receipts
        .iter()
        .map(|receipt| receipt.with_bloom_ref().encoded_2718().into())
        .collect();
    BlockRecord {
        number: header.number,
        hash: executed.hash,
        header: alloy_rlp::encode(header),
        body: alloy_rlp::encode(body),
        receipts: alloy_rlp::encode(receipts),
        transactions: executed
            .transactions
            .iter()
            .map(Transaction::hash)
            .collect(),
        nodes: executed.update.nodes.clone(),
        codes: executed.update.codes.clone(),
        forgotten: Vec::new(),
        tags: tags
            .iter()
            .map(|(tag, number)| (tag.key(), *number))
            .collect(),
    }
}

/// The record of a block without transactions.
pub(super) fn empty_block(
    header: &Header,
    nodes: Vec<(B256, Bytes)>,
    codes: Vec<(B256, Bytes)>,
) -> BlockRecord {
    BlockRecord {
        number: header.number,
        hash: header.hash_slow(),
        header: alloy_rlp::encode(header),
        body: alloy_rlp::encode(Body::default()),
        receipts: alloy_rlp::encode(Vec::<Bytes>::new()),
        transactions: Vec::new(),
        nodes,
        codes,
        forgotten: Vec::new(),
        tags: Vec::new(),
    }
}

pub(super) fn decode_header(bytes: &[u8]) -> Result<Sealed<Header>, StorageError> {
    let header: Header =
        alloy_rlp::decode_exact(bytes).map_err(|error| corrupt(format!("header: {error}")))?;
    Ok(header.seal_slow())
}

pub(super) fn decode_block(
    header: Sealed<Header>,
    bytes: &[u8],
) -> Result<StoredBlock, StorageError> {
    let body: Body =
        alloy_rlp::decode_exact(bytes).map_err(|error| corrupt(format!("body: {error}")))?;
    let transactions = body.transactions.iter().zip(body.senders);
    let transactions = transactions.map(|(raw, sender)| {
        let transaction = Transaction::decode_2718_exact(raw)
            .map_err(|error| corrupt(format!("transaction: {error}")))?;
        Ok(Recovered::new_unchecked(transaction, sender))
    });
    Ok(StoredBlock {
        header,
        transactions: transactions.collect::<Result<_, StorageError>>()?,
        prover_gas: body.prover_gas,
        prices: FeePrices {
            data_wei: body.data_wei,
            proving_wei: body.proving_wei,
        },
    })
}

pub(super) fn decode_receipts(bytes: &[u8]) -> Result<Vec<Receipt>, StorageError> {
    let receipts: Vec<Bytes> =
        alloy_rlp::decode_exact(bytes).map_err(|error| corrupt(format!("receipts: {error}")))?;
    receipts
        .iter()
        .map(|raw| {
            ReceiptWithBloom::<Receipt>::decode_2718_exact(raw)
                .map(|receipt| receipt.receipt)
                .map_err(|error| corrupt(format!("receipt: {error}")))
        })
        .collect()
}
