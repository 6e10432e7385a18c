//! A small L2 in memory: genesis, accounts that sign, blocks.

use alloy_consensus::{
    Header, SignableTransaction, TxEip1559, constants::EMPTY_WITHDRAWALS,
    crypto::secp256k1::sign_message, transaction::Recovered,
};
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip7685::EMPTY_REQUESTS_HASH,
};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, TxKind, U256, address, bytes, keccak256,
};
use rollmill_protocol::{
    L1Message, TaskId, WithdrawalTree,
    l2::{FEE_SCHEDULE, FEE_VAULT, FORK_ID, WITHDRAWAL_QUEUE},
    message::EMPTY_MESSAGE_HASH,
    prover_gas::SCHEDULE_ID,
};
use rollmill_stf::{
    Block, BlockAttributes, BlockExecutor, ExecutedBlock, Identity, RollmillRules, Rules,
    Transaction,
    fees::FeePrices,
    source::MemorySource,
    state::{AccountChange, AccountFields, StateChanges, StateTrie},
    transaction::EthereumTransaction,
    trie::EMPTY_ROOT_HASH,
    witness::StatementContext,
};

pub const CHAIN_ID: u64 = 1_337_002;
pub const GAS_LIMIT: u64 = 30_000_000;
pub const GWEI: u128 = 1_000_000_000;
/// Reverts with the four bytes of its input's start, after storing 1 in slot 0.
pub const REVERTER: Address = address!("00000000000000000000000000000000000000a1");
/// Stores BLOCKHASH(number - 1 - input) in slot 0.
pub const HASHER: Address = address!("00000000000000000000000000000000000000a2");
/// Stores its call data's first word under slot = second word.
pub const STORE: Address = address!("00000000000000000000000000000000000000a3");

/// Hashes 32 KiB as often as its input says.
pub const GRINDER: Address = address!("00000000000000000000000000000000000000a4");

pub fn code_of(address: Address) -> Bytes {
    match address {
        // PUSH1 1 PUSH0 SSTORE PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 4 PUSH0 REVERT
        REVERTER => bytes!("60015f555f355f5260045ffd"),
        // PUSH0 CALLDATALOAD PUSH1 1 NUMBER SUB SUB BLOCKHASH PUSH0 SSTORE
        HASHER => bytes!("5f356001430303405f55"),
        // PUSH0 CALLDATALOAD PUSH1 32 CALLDATALOAD SSTORE
        STORE => bytes!("5f3560203555"),
        // PUSH0 CALLDATALOAD JUMPDEST PUSH2 0x8000 PUSH0 KECCAK256 POP PUSH1 1 SWAP1 SUB DUP1 PUSH1 2 JUMPI
        GRINDER => bytes!("5f355b6180005f2050600190038060025700"),
        HISTORY_STORAGE_ADDRESS => HISTORY_STORAGE_CODE.clone(),
        _ => bytes!("00"),
    }
}

/// A signing account.
#[derive(Clone, Copy)]
pub struct User {
    pub key: B256,
    pub address: Address,
}

pub fn user(seed: u8) -> User {
    let key = B256::repeat_byte(seed);
    let tx = Tx::default().build();
    let signature = sign_message(key, tx.signature_hash()).unwrap();
    let address = signature
        .recover_address_from_prehash(&tx.signature_hash())
        .unwrap();
    User { key, address }
}

/// What a test says about a transaction.
#[derive(Clone)]
pub struct Tx {
    pub nonce: u64,
    pub to: TxKind,
    pub value: U256,
    pub gas_limit: u64,
    pub input: Bytes,
}

impl Default for Tx {
    fn default() -> Self {
        Self {
            nonce: 0,
            to: TxKind::Call(Address::repeat_byte(0xee)),
            value: U256::ZERO,
            gas_limit: 100_000,
            input: Bytes::new(),
        }
    }
}

impl Tx {
    pub fn build(self) -> TxEip1559 {
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: 10 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: self.to,
            value: self.value,
            access_list: Default::default(),
            input: self.input,
        }
    }

    pub fn sign(self, user: User) -> Recovered<Transaction> {
        let tx = self.build();
        let signature = sign_message(user.key, tx.signature_hash()).unwrap();
        let tx = EthereumTransaction::from(tx.into_signed(signature));
        Recovered::new_unchecked(tx.into(), user.address)
    }
}

pub fn message(index: u64, value: u64) -> L1Message {
    L1Message {
        index,
        sender: Address::repeat_byte(0x51),
        to: Address::repeat_byte(0x51),
        mint: U256::from(value),
        value: U256::from(value),
        gas_limit: 100_000,
        data: Bytes::new(),
    }
}

pub fn recovered(message: &L1Message) -> Recovered<Transaction> {
    Recovered::new_unchecked(Transaction::from(message.clone()), message.sender)
}

/// The chain: its state in memory and its blocks.
pub struct Chain {
    pub rules: Rules,
    pub source: MemorySource,
    pub headers: Vec<Header>,
    pub blocks: Vec<Block>,
}

impl Chain {
    pub fn new() -> Self {
        Self::among(0)
    }

    /// With these prices of data and proving. The schedule stores whatever it is told, as [`STORE`] does.
    pub fn with_prices(prices: FeePrices) -> Self {
        let mut genesis = genesis();
        let packed = (U256::from(prices.data_wei) << 128) | U256::from(prices.proving_wei);
        genesis.accounts.push(AccountChange {
            address: FEE_SCHEDULE,
            account: Some(AccountFields {
                nonce: 1,
                balance: U256::ZERO,
                code_hash: keccak256(code_of(STORE)),
            }),
            wipe_storage: false,
            storage: vec![(U256::ZERO, packed)],
        });
        Self::at(genesis)
    }

    /// With so many accounts beside those that act.
    pub fn among(bystanders: u64) -> Self {
        let mut genesis = genesis();
        genesis.accounts.extend((1..=bystanders).map(bystander));
        Self::at(genesis)
    }

    fn at(genesis: StateChanges) -> Self {
        let mut source = MemorySource::default();
        let update = StateTrie::new(&MemorySource::default(), EMPTY_ROOT_HASH)
            .apply(genesis)
            .unwrap();
        source.insert_update(&update);
        let header = Header {
            number: 0,
            timestamp: 1_000,
            gas_limit: GAS_LIMIT,
            beneficiary: FEE_VAULT,
            state_root: update.root,
            base_fee_per_gas: Some(GWEI as u64),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        let rules = Rules::Rollmill(RollmillRules { chain_id: CHAIN_ID });
        Self {
            rules,
            source,
            headers: vec![header],
            blocks: Vec::new(),
        }
    }

    pub fn tip(&self) -> &Header {
        self.headers.last().unwrap()
    }

    pub fn state(&self) -> StateTrie<&MemorySource> {
        StateTrie::new(&self.source, self.tip().state_root)
    }

    pub fn attributes(&self) -> BlockAttributes {
        BlockAttributes::rollmill(self.tip().timestamp + 2, B256::repeat_byte(7), GAS_LIMIT)
    }

    pub fn begin(&self) -> BlockExecutor<&MemorySource, &MemorySource> {
        let tip = self.tip();
        BlockExecutor::begin(
            &self.rules,
            tip,
            tip.hash_slow(),
            self.attributes(),
            self.state(),
            &self.source,
        )
        .unwrap()
    }

    /// Builds a block of these transactions without keeping it.
    pub fn build(
        &self,
        transactions: impl IntoIterator<Item = Recovered<Transaction>>,
    ) -> ExecutedBlock {
        let mut executor = self.begin();
        for transaction in transactions {
            executor.push(transaction).unwrap();
        }
        executor.finish().unwrap().0
    }

    /// Builds and keeps.
    pub fn extend(
        &mut self,
        transactions: impl IntoIterator<Item = Recovered<Transaction>>,
    ) -> ExecutedBlock {
        let executed = self.build(transactions);
        self.source.insert_update(&executed.update);
        self.headers.push(executed.header.clone());
        self.blocks.push(executed.clone().into_block());
        executed
    }
}

fn bystander(number: u64) -> AccountChange {
    AccountChange {
        address: Address::left_padding_from(&(u64::MAX - number).to_be_bytes()),
        account: Some(AccountFields {
            nonce: 0,
            balance: U256::from(number),
            code_hash: KECCAK256_EMPTY,
        }),
        wipe_storage: false,
        storage: Vec::new(),
    }
}

fn genesis() -> StateChanges {
    let mut changes = StateChanges::default();
    let mut add = |address: Address, balance: U256, code: Bytes, storage: Vec<(U256, U256)>| {
        let code_hash = if code.is_empty() {
            KECCAK256_EMPTY
        } else {
            keccak256(&code)
        };
        let account = AccountFields {
            nonce: u64::from(!code.is_empty()),
            balance,
            code_hash,
        };
        changes.accounts.push(AccountChange {
            address,
            account: Some(account),
            wipe_storage: false,
            storage,
        });
        if !code.is_empty() {
            changes.codes.push((code_hash, code));
        }
    };
    for contract in [REVERTER, HASHER, STORE, GRINDER, HISTORY_STORAGE_ADDRESS] {
        add(contract, U256::ZERO, code_of(contract), Vec::new());
    }
    let root = U256::from_be_bytes(WithdrawalTree::default().root().0);
    add(
        WITHDRAWAL_QUEUE,
        U256::ZERO,
        bytes!("00"),
        vec![(U256::ZERO, root)],
    );
    for seed in 1..=20 {
        add(
            user(seed).address,
            U256::from(10u64.pow(18)),
            Bytes::new(),
            Vec::new(),
        );
    }
    changes
}

pub fn context(chain: &Chain) -> StatementContext {
    let Rules::Rollmill(rules) = &chain.rules else {
        unreachable!()
    };
    StatementContext {
        program_version: 1,
        fork_id: FORK_ID,
        schedule_id: SCHEDULE_ID,
        l1_chain_id: 1_337_001,
        l2_chain_id: rules.chain_id,
        batch: 1,
        rollup: Address::repeat_byte(0x11),
        previous_message_hash: EMPTY_MESSAGE_HASH,
        blob_versioned_hash: B256::ZERO,
    }
}

pub fn identity(context: &StatementContext) -> Identity {
    let task = TaskId::of_batch(context.l1_chain_id, context.rollup, context.batch);
    Identity {
        roller: Address::repeat_byte(0x22),
        task,
    }
}
