//! Batches of one block, built natively through `stf`: what the state is before, and which signed transactions follow.
//!
//! [`transfers`] is the batch of the recorded proof: ten ether transfers on a state of a thousand accounts, fixed to the last bit, so that
//! recording it again changes only what the program changes.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header, SignableTransaction, TxEip1559, TxEnvelope,
    constants::KECCAK_EMPTY,
};
use alloy_eips::{
    eip1559::INITIAL_BASE_FEE,
    eip2718::Encodable2718,
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip7685::EMPTY_REQUESTS_HASH,
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use eyre::WrapErr;
use k256::ecdsa::SigningKey;
use rollmill_protocol::{
    BatchData, BlockData, PublicValues, TaskId, WorkCounts,
    l2::{
        FORK_ID, L1_CHAIN_ID_EMBEDDED, L2_CHAIN_ID_DEVNET, WITHDRAWAL_QUEUE, WITHDRAWAL_ROOT_SLOT,
    },
    message::EMPTY_MESSAGE_HASH,
    prover_gas::SCHEDULE_ID,
    withdrawal,
};
use rollmill_stf::{
    Identity, build_witness, execute_batch,
    source::MemorySource,
    state::{AccountChange, AccountFields, StateChanges, StateTrie},
    witness::StatementContext,
};

const ROLLUP: Address = Address::repeat_byte(0x11);
const ROLLER: Address = Address::repeat_byte(0x22);
/// Accounts that hold ether besides the senders.
const ACCOUNTS: u64 = 1_000;
const TRANSFERS: u64 = 10;
const SENDERS: u64 = 5;
const GAS_LIMIT: u64 = 30_000_000;
const BLOB: B256 = B256::repeat_byte(0x01);

/// What a roller needs for the batch, and what it must find.
pub struct Sample {
    pub identity: Identity,
    pub witness: Bytes,
    pub public_values: PublicValues,
    pub work: WorkCounts,
}

/// A state and blocks on it. The state has the withdrawal queue, the block-hash history and the accounts of [`recipient`] besides.
#[derive(Default)]
pub struct Scenario {
    /// Senders that hold ether: those of [`address_of_sender`] below this.
    pub senders: u64,
    /// Further accounts, and the code of those that have some.
    pub contracts: Vec<(AccountChange, Bytes)>,
    /// Raw transactions, in the last block.
    pub transactions: Vec<Bytes>,
    /// Blocks without any before it.
    pub empty_blocks: u64,
    /// Whether the data is in a blob.
    pub in_blob: bool,
}

/// The batch of the recorded proof.
pub fn transfers() -> Scenario {
    let transfer = |index: u64| Call {
        // Every third transfer creates its recipient.
        to: if index.is_multiple_of(3) {
            recipient(ACCOUNTS + index)
        } else {
            recipient(index * 37)
        },
        value: U256::from(1_000_000_000 + index),
        ..Call::default()
    };
    Scenario {
        senders: SENDERS,
        contracts: Vec::new(),
        transactions: (0..TRANSFERS)
            .map(|index| transfer(index).sign(index % SENDERS, index / SENDERS))
            .collect(),
        ..Scenario::default()
    }
}

impl Scenario {
    /// Builds the batch and runs it statelessly once.
    pub fn build(self) -> eyre::Result<Sample> {
        let (source, parent) = genesis(self.senders, self.contracts)?;
        let block = |index: u64, transactions| BlockData {
            timestamp: parent.timestamp + 1 + index,
            gas_limit: GAS_LIMIT,
            prevrandao: B256::repeat_byte(0x33),
            l1_message_count: 0,
            transactions,
        };
        let empty = (0..self.empty_blocks).map(|index| block(index, Vec::new()));
        let last = block(self.empty_blocks, self.transactions);
        let context = StatementContext {
            program_version: 1,
            fork_id: FORK_ID,
            schedule_id: SCHEDULE_ID,
            l1_chain_id: L1_CHAIN_ID_EMBEDDED,
            l2_chain_id: L2_CHAIN_ID_DEVNET,
            batch: 1,
            rollup: ROLLUP,
            previous_message_hash: EMPTY_MESSAGE_HASH,
            // Which blob it is decides where the data's polynomial is evaluated, and no more: only L1 knows the blob.
            blob_versioned_hash: if self.in_blob { BLOB } else { B256::ZERO },
        };
        let data = BatchData {
            blocks: empty.chain([last]).collect(),
        };
        let built = build_witness(source, &parent, data.encode().into(), Vec::new(), context)
            .wrap_err("building the witness")?;
        let identity = Identity {
            roller: ROLLER,
            task: TaskId::of_batch(L1_CHAIN_ID_EMBEDDED, ROLLUP, 1),
        };
        let public_values =
            execute_batch(identity, built.witness.clone()).wrap_err("executing it statelessly")?;
        Ok(Sample {
            identity,
            witness: built.witness,
            public_values,
            work: built.work,
        })
    }
}

/// The state before the block, and the header that it belongs to.
fn genesis(
    senders: u64,
    contracts: Vec<(AccountChange, Bytes)>,
) -> eyre::Result<(MemorySource, Header)> {
    let root = U256::from_be_bytes(withdrawal::empty_root().0);
    // Nobody withdraws in these batches, so the queue's code is not run.
    let queue = contract(
        WITHDRAWAL_QUEUE,
        Bytes::from_static(&[0xfe]),
        vec![(U256::from(WITHDRAWAL_ROOT_SLOT), root)],
    );
    let history = contract(
        HISTORY_STORAGE_ADDRESS,
        HISTORY_STORAGE_CODE.clone(),
        Vec::new(),
    );
    let contracts = [queue, history].into_iter().chain(contracts);
    let (mut accounts, codes): (Vec<_>, Vec<_>) = contracts
        .map(|(account, code)| (account, (keccak256(&code), code)))
        .unzip();
    let funded = (0..senders)
        .map(address_of_sender)
        .chain((0..ACCOUNTS).map(recipient));
    accounts.extend(funded.map(|address| AccountChange {
        address,
        account: Some(AccountFields {
            nonce: 0,
            balance: U256::from(10).pow(U256::from(20)),
            code_hash: KECCAK_EMPTY,
        }),
        wipe_storage: false,
        storage: Vec::new(),
    }));
    let mut trie = StateTrie::new(MemorySource::default(), EMPTY_ROOT_HASH);
    let update = trie.apply(StateChanges { accounts, codes })?;
    let mut source = MemorySource::default();
    source.insert_update(&update);
    let header = Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        state_root: update.root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        gas_limit: GAS_LIMIT,
        timestamp: 1_800_000_000,
        base_fee_per_gas: Some(INITIAL_BASE_FEE),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    };
    Ok((source, header))
}

/// An account with this code and storage.
pub fn contract(
    address: Address,
    code: Bytes,
    storage: Vec<(U256, U256)>,
) -> (AccountChange, Bytes) {
    let fields = AccountFields {
        nonce: 1,
        balance: U256::ZERO,
        code_hash: keccak256(&code),
    };
    let account = AccountChange {
        address,
        account: Some(fields),
        wipe_storage: false,
        storage,
    };
    (account, code)
}

/// What a transaction does.
pub struct Call {
    pub to: Address,
    pub value: U256,
    pub input: Bytes,
    pub gas_limit: u64,
}

/// A plain transfer.
impl Default for Call {
    fn default() -> Self {
        Self {
            to: Address::ZERO,
            value: U256::ZERO,
            input: Bytes::new(),
            gas_limit: 21_000,
        }
    }
}

impl Call {
    /// The raw transaction of a sender.
    pub fn sign(self, sender: u64, nonce: u64) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: L2_CHAIN_ID_DEVNET,
            nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: 2 * u128::from(INITIAL_BASE_FEE),
            max_priority_fee_per_gas: 1_000_000,
            to: TxKind::Call(self.to),
            value: self.value,
            input: self.input,
            ..TxEip1559::default()
        };
        let hash = transaction.signature_hash();
        let (signature, id) = key(sender)
            .sign_prehash_recoverable(hash.as_slice())
            .expect("a 32-byte hash can be signed");
        let (r, s) = signature.split_bytes();
        let signature = Signature::new(
            U256::from_be_slice(&r),
            U256::from_be_slice(&s),
            id.is_y_odd(),
        );
        TxEnvelope::from(transaction.into_signed(signature))
            .encoded_2718()
            .into()
    }
}

fn key(sender: u64) -> SigningKey {
    SigningKey::from_slice(keccak256(format!("sender {sender}")).as_slice())
        .expect("a hash is almost surely a key")
}

/// Address of a sender.
pub fn address_of_sender(sender: u64) -> Address {
    Address::from_public_key(key(sender).verifying_key())
}

/// Somebody who may be paid; below [`ACCOUNTS`] with an account already.
pub fn recipient(index: u64) -> Address {
    Address::from_word(keccak256(format!("recipient {index}")))
}
