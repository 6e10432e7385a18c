//! Transactions and receipts of both chains.
//!
//! [`Transaction`] is Ethereum's envelope plus one type of ours: [`TxL1Message`] (0x7E), the execution of a message that
//! L1 queued. It carries no signature: L1 authorised it, and the batch proof binds the rolling hash of the messages that
//! were executed to the one that L1 holds. Receipts are Ethereum's with our type byte.

use alloy_consensus::{
    EthereumReceipt, EthereumTxEnvelope, InMemorySize, Transaction as _, TransactionEnvelope,
    TxEip4844,
    crypto::RecoveryError,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::{
    eip2718::{Decodable2718, Eip2718Error, Eip2718Result, Encodable2718, IsTyped2718, Typed2718},
    eip2930::AccessList,
    eip7702::SignedAuthorization,
};
use alloy_primitives::{Address, B256, Bytes, ChainId, Sealable, Sealed, TxKind, U256, keccak256};
use alloy_rlp::{BufMut, Decodable, RlpDecodable, RlpEncodable};
use revm::{context::TxEnv, context_interface::either::Either};
use rollmill_protocol::{L1Message, l2::L1_MESSAGE_TX_TYPE};
use serde::{Deserialize, Serialize};

/// Ethereum's signed transactions, blob transactions without their sidecar.
pub type EthereumTransaction = EthereumTxEnvelope<TxEip4844>;

/// A receipt of either chain.
pub type Receipt = EthereumReceipt<TransactionType>;

/// A block of either chain.
pub type Block = alloy_consensus::Block<Transaction>;

/// A transaction with the account it speaks for.
pub type RecoveredTransaction = Recovered<Transaction>;

/// A transaction of either chain.
#[derive(Clone, Debug, TransactionEnvelope)]
#[envelope(tx_type_name = TransactionType)]
pub enum Transaction {
    /// One of Ethereum's.
    #[envelope(flatten)]
    Ethereum(EthereumTransaction),
    /// The execution of an L1 message.
    #[envelope(ty = 126)]
    L1Message(Sealed<TxL1Message>),
}

impl Transaction {
    /// Keccak-256 of the EIP-2718 encoding.
    pub fn hash(&self) -> B256 {
        match self {
            Self::Ethereum(tx) => *tx.tx_hash(),
            Self::L1Message(tx) => tx.seal(),
        }
    }

    /// The message, if this executes one.
    pub fn as_l1_message(&self) -> Option<&TxL1Message> {
        match self {
            Self::Ethereum(_) => None,
            Self::L1Message(tx) => Some(tx.inner()),
        }
    }

    /// Signatures that it carries: its own, and one for each authorization. A message has none.
    pub fn signatures(&self) -> u64 {
        match self {
            Self::Ethereum(tx) => 1 + tx.authorization_list().map_or(0, |list| list.len() as u64),
            Self::L1Message(_) => 0,
        }
    }

    /// The environment in which the EVM runs this transaction for `sender`.
    pub(crate) fn env(&self, sender: Address) -> TxEnv {
        let lists = match self {
            Self::Ethereum(tx) => (
                tx.access_list().cloned().unwrap_or_default(),
                tx.blob_versioned_hashes()
                    .map(<[B256]>::to_vec)
                    .unwrap_or_default(),
                tx.authorization_list()
                    .map(|list| list.iter().cloned().map(Either::Left).collect())
                    .unwrap_or_default(),
            ),
            Self::L1Message(_) => Default::default(),
        };
        let (access_list, blob_hashes, authorization_list) = lists;
        TxEnv {
            tx_type: self.ty(),
            caller: sender,
            gas_limit: self.gas_limit(),
            gas_price: self.max_fee_per_gas(),
            kind: self.kind(),
            value: self.value(),
            data: self.input().clone(),
            nonce: self.nonce(),
            chain_id: self.chain_id(),
            gas_priority_fee: self.max_priority_fee_per_gas(),
            max_fee_per_blob_gas: self.max_fee_per_blob_gas().unwrap_or_default(),
            access_list,
            blob_hashes,
            authorization_list,
        }
    }
}

impl SignerRecoverable for Transaction {
    fn recover_signer(&self) -> Result<Address, RecoveryError> {
        match self {
            Self::Ethereum(tx) => tx.recover_signer(),
            Self::L1Message(tx) => Ok(tx.sender),
        }
    }

    fn recover_signer_unchecked(&self) -> Result<Address, RecoveryError> {
        match self {
            Self::Ethereum(tx) => tx.recover_signer_unchecked(),
            Self::L1Message(tx) => Ok(tx.sender),
        }
    }
}

impl InMemorySize for TransactionType {
    fn size(&self) -> usize {
        core::mem::size_of::<Self>()
    }
}

/// Execution of an L1 message on L2: EIP-2718 type 0x7E over
/// `rlp([index, sender, to, mint, value, gasLimit, data])`.
///
/// Gas was bought on L1 (the price here is zero). `mint` is credited to the sender before the call and stays with the sender when
/// the call fails; `value` is sent along out of the sender's balance, and fails the call when that is too small. The
/// sender's nonce increases by one; its value before is not part of the transaction.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Hash, RlpEncodable, RlpDecodable, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct TxL1Message {
    /// Position in the L1 queue, from 0.
    #[serde(rename = "queueIndex", with = "quantity")]
    pub index: u64,
    /// The account on L2 that calls: the L1 sender, aliased when that is a contract.
    #[serde(rename = "from")]
    pub sender: Address,
    /// The account called.
    pub to: Address,
    /// Wei minted for the sender.
    pub mint: U256,
    /// Wei sent along.
    pub value: U256,
    /// Gas limit of the call.
    #[serde(rename = "gas", with = "quantity")]
    pub gas_limit: u64,
    /// Call data.
    #[serde(rename = "input")]
    pub data: Bytes,
}

impl From<L1Message> for TxL1Message {
    fn from(message: L1Message) -> Self {
        let L1Message {
            index,
            sender,
            to,
            mint,
            value,
            gas_limit,
            data,
        } = message;
        Self {
            index,
            sender,
            to,
            mint,
            value,
            gas_limit,
            data,
        }
    }
}

impl From<TxL1Message> for L1Message {
    fn from(tx: TxL1Message) -> Self {
        let TxL1Message {
            index,
            sender,
            to,
            mint,
            value,
            gas_limit,
            data,
        } = tx;
        Self {
            index,
            sender,
            to,
            mint,
            value,
            gas_limit,
            data,
        }
    }
}

impl From<L1Message> for Transaction {
    fn from(message: L1Message) -> Self {
        Self::L1Message(TxL1Message::from(message).seal_slow())
    }
}

impl From<EthereumTransaction> for Transaction {
    fn from(tx: EthereumTransaction) -> Self {
        Self::Ethereum(tx)
    }
}

impl alloy_consensus::Transaction for TxL1Message {
    fn chain_id(&self) -> Option<ChainId> {
        None
    }

    fn nonce(&self) -> u64 {
        0
    }

    fn gas_limit(&self) -> u64 {
        self.gas_limit
    }

    fn gas_price(&self) -> Option<u128> {
        Some(0)
    }

    fn max_fee_per_gas(&self) -> u128 {
        0
    }

    fn max_priority_fee_per_gas(&self) -> Option<u128> {
        None
    }

    fn max_fee_per_blob_gas(&self) -> Option<u128> {
        None
    }

    fn priority_fee_or_price(&self) -> u128 {
        0
    }

    fn effective_gas_price(&self, _base_fee: Option<u64>) -> u128 {
        0
    }

    fn is_dynamic_fee(&self) -> bool {
        false
    }

    fn kind(&self) -> TxKind {
        TxKind::Call(self.to)
    }

    fn is_create(&self) -> bool {
        false
    }

    fn value(&self) -> U256 {
        self.value
    }

    fn input(&self) -> &Bytes {
        &self.data
    }

    fn access_list(&self) -> Option<&AccessList> {
        None
    }

    fn blob_versioned_hashes(&self) -> Option<&[B256]> {
        None
    }

    fn authorization_list(&self) -> Option<&[SignedAuthorization]> {
        None
    }
}

impl Typed2718 for TxL1Message {
    fn ty(&self) -> u8 {
        L1_MESSAGE_TX_TYPE
    }
}

impl IsTyped2718 for TxL1Message {
    fn is_type(type_id: u8) -> bool {
        type_id == L1_MESSAGE_TX_TYPE
    }
}

impl Encodable2718 for TxL1Message {
    fn encode_2718_len(&self) -> usize {
        1 + alloy_rlp::Encodable::length(self)
    }

    fn encode_2718(&self, out: &mut dyn BufMut) {
        out.put_u8(L1_MESSAGE_TX_TYPE);
        alloy_rlp::Encodable::encode(self, out);
    }
}

impl Decodable2718 for TxL1Message {
    fn typed_decode(ty: u8, buf: &mut &[u8]) -> Eip2718Result<Self> {
        if ty != L1_MESSAGE_TX_TYPE {
            return Err(Eip2718Error::UnexpectedType(ty));
        }
        Ok(Self::decode(buf)?)
    }

    fn fallback_decode(_buf: &mut &[u8]) -> Eip2718Result<Self> {
        Err(Eip2718Error::UnexpectedType(0))
    }
}

impl Sealable for TxL1Message {
    fn hash_slow(&self) -> B256 {
        keccak256(self.encoded_2718())
    }
}

impl InMemorySize for TxL1Message {
    fn size(&self) -> usize {
        core::mem::size_of::<Self>() + self.data.len()
    }
}

/// JSON-RPC quantities.
mod quantity {
    use alloy_primitives::U64;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        U64::from(*value).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        U64::deserialize(deserializer).map(|value| value.to())
    }
}
