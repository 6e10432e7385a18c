//! Makes the fixtures of `tests/fixtures`.

use alloy::{
    consensus::{
        Header, SignableTransaction, TxEip1559, constants::EMPTY_WITHDRAWALS,
        crypto::secp256k1::sign_message, transaction::Recovered,
    },
    eips::{
        eip2718::Encodable2718,
        eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
        eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
        eip4895::Withdrawal,
        eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
        eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
        eip7685::EMPTY_REQUESTS_HASH,
    },
    primitives::{Address, B256, Bytes, TxKind, U256, address, bytes, keccak256},
};
use rollmill_stf::{
    Block, BlockAttributes, BlockExecutor, EthereumRules, Fork, RecoveredTransaction, Rules,
    Transaction,
    source::MemorySource,
    state::{AccountChange, AccountFields, StateChanges, StateTrie},
    transaction::EthereumTransaction,
    trie::EMPTY_ROOT_HASH,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const KEY: B256 = B256::repeat_byte(0x45);
const COINBASE: Address = Address::repeat_byte(0xc0);
/// Stores its call value in slot 0 and logs its call data's first word.
const STORE_AND_LOG: Address = address!("00000000000000000000000000000000000005a1");
const GAS_LIMIT: u64 = 30_000_000;
const TRANSITION: u64 = 15_000;

/// (file, content) of every fixture.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let one = |name: &str, test: Value| json!({ name: test });
    vec![
        (
            "blockchain/requests_osaka.json",
            one("requests_osaka", requests("Osaka", Fork::Osaka)),
        ),
        (
            "blockchain/requests_prague.json",
            one("requests_prague", requests("Prague", Fork::Prague)),
        ),
        (
            "blockchain/transition_prague.json",
            one(
                "transition_prague",
                transition("CancunToPragueAtTime15k", [Fork::Cancun, Fork::Prague]),
            ),
        ),
        (
            "blockchain/transition_osaka.json",
            one(
                "transition_osaka",
                transition("PragueToOsakaAtTime15k", [Fork::Prague, Fork::Osaka]),
            ),
        ),
        (
            "blockchain/invalid_osaka.json",
            one("invalid_osaka", invalid()),
        ),
        (
            "state/store_and_log.json",
            one("store_and_log", store_and_log()),
        ),
    ]
}

#[derive(Clone, Default)]
struct Account {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

type Alloc = BTreeMap<Address, Account>;

fn sender() -> Address {
    let transaction = transaction(0, STORE_AND_LOG, 0, Bytes::new(), 0);
    transaction.signer()
}

fn alloc() -> Alloc {
    let contract = |code: &Bytes| Account {
        nonce: 1,
        code: code.clone(),
        ..Account::default()
    };
    let mut alloc = Alloc::from([
        (BEACON_ROOTS_ADDRESS, contract(&BEACON_ROOTS_CODE)),
        (HISTORY_STORAGE_ADDRESS, contract(&HISTORY_STORAGE_CODE)),
        (
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            contract(&WITHDRAWAL_REQUEST_PREDEPLOY_CODE),
        ),
        (
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            contract(&CONSOLIDATION_REQUEST_PREDEPLOY_CODE),
        ),
        // CALLVALUE PUSH0 SSTORE PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 32 PUSH0 LOG0
        (STORE_AND_LOG, contract(&bytes!("345f555f355f5260205fa0"))),
    ]);
    alloc.insert(
        sender(),
        Account {
            balance: U256::from(10u64.pow(18)),
            ..Account::default()
        },
    );
    alloc
}

fn transaction(
    nonce: u64,
    to: Address,
    value: u64,
    input: Bytes,
    gas_limit: u64,
) -> RecoveredTransaction {
    let transaction = TxEip1559 {
        chain_id: 1,
        nonce,
        gas_limit,
        max_fee_per_gas: 1_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(value),
        access_list: Default::default(),
        input,
    };
    let hash = transaction.signature_hash();
    let signature = sign_message(KEY, hash).unwrap();
    let signer = signature.recover_address_from_prehash(&hash).unwrap();
    Recovered::new_unchecked(
        EthereumTransaction::from(transaction.into_signed(signature)).into(),
        signer,
    )
}

/// A chain under construction.
struct Maker {
    rules: Rules,
    pre: Alloc,
    state: MemorySource,
    headers: Vec<Header>,
    blocks: Vec<Value>,
    genesis_rlp: Bytes,
}

impl Maker {
    fn new(rules: Rules, timestamp: u64) -> Self {
        let pre = alloc();
        let mut changes = StateChanges::default();
        for (
            address,
            Account {
                balance,
                nonce,
                code,
                storage,
            },
        ) in pre.clone()
        {
            let code_hash = keccak256(&code);
            let account = Some(AccountFields {
                nonce,
                balance,
                code_hash,
            });
            let storage = storage.into_iter().collect();
            changes.accounts.push(AccountChange {
                address,
                account,
                wipe_storage: false,
                storage,
            });
            changes.codes.push((code_hash, code));
        }
        let mut state = MemorySource::default();
        let update = StateTrie::new(&state, EMPTY_ROOT_HASH)
            .apply(changes)
            .unwrap();
        state.insert_update(&update);
        let genesis = Header {
            timestamp,
            gas_limit: GAS_LIMIT,
            state_root: update.root,
            base_fee_per_gas: Some(7),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: (rules.fork(timestamp) >= Fork::Prague).then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        let mut block = Block::uncle(genesis.clone());
        block.body.withdrawals = Some(Vec::new().into());
        let genesis_rlp = alloy_rlp::encode(block).into();
        Self {
            rules,
            pre,
            state,
            headers: vec![genesis],
            blocks: Vec::new(),
            genesis_rlp,
        }
    }

    fn tip(&self) -> &Header {
        self.headers.last().unwrap()
    }

    /// A valid child of the tip; it becomes the tip when it is accepted.
    fn block(
        &mut self,
        transactions: Vec<RecoveredTransaction>,
        withdrawals: Vec<Withdrawal>,
    ) -> (Block, Header) {
        let attributes = BlockAttributes {
            timestamp: self.tip().timestamp + 12,
            beneficiary: COINBASE,
            prev_randao: B256::repeat_byte(3),
            gas_limit: GAS_LIMIT,
            extra_data: bytes!("01"),
            parent_beacon_block_root: Some(B256::repeat_byte(4)),
            withdrawals: Some(withdrawals),
        };
        let tip = self.tip();
        let state = StateTrie::new(&self.state, tip.state_root);
        let mut executor = BlockExecutor::begin(
            &self.rules,
            tip,
            tip.hash_slow(),
            attributes,
            state,
            &self.state,
        )
        .unwrap();
        for transaction in transactions {
            executor.push(transaction).unwrap();
        }
        let (executed, _) = executor.finish().unwrap();
        self.state.insert_update(&executed.update);
        let header = executed.header.clone();
        (executed.into_block(), header)
    }

    fn accept(&mut self, transactions: Vec<RecoveredTransaction>, withdrawals: Vec<Withdrawal>) {
        let (block, header) = self.block(transactions, withdrawals);
        let rlp = Bytes::from(alloy_rlp::encode(block));
        self.blocks
            .push(json!({ "rlp": rlp, "blockHeader": { "hash": header.hash_slow() } }));
        self.headers.push(header);
    }

    /// A block that `spoil` made invalid.
    fn refuse(&mut self, exception: &str, spoil: impl FnOnce(&mut Block)) {
        let (mut block, _) = self.block(
            vec![transaction(0, STORE_AND_LOG, 1, Bytes::new(), 100_000)],
            Vec::new(),
        );
        spoil(&mut block);
        let rlp = Bytes::from(alloy_rlp::encode(block));
        self.blocks
            .push(json!({ "rlp": rlp, "expectException": exception }));
    }

    fn test(self, network: &str, slots: &[(Address, u64)]) -> Value {
        let mut state = StateTrie::new(&self.state, self.tip().state_root);
        let mut post = Alloc::new();
        for address in self
            .pre
            .keys()
            .chain([&COINBASE, &Address::repeat_byte(0xee)])
        {
            let Some(account) = state.account(*address).unwrap() else {
                continue;
            };
            let code = state.code(account.code_hash).unwrap();
            let mut storage = BTreeMap::new();
            for slot in slots
                .iter()
                .filter(|(of, _)| of == address)
                .map(|(_, slot)| U256::from(*slot))
            {
                storage.insert(slot, state.storage(*address, slot).unwrap());
            }
            post.insert(
                *address,
                Account {
                    balance: account.balance,
                    nonce: account.nonce,
                    code,
                    storage,
                },
            );
        }
        let schedule =
            json!({ "target": "0x06", "max": "0x09", "baseFeeUpdateFraction": "0x4c6964" });
        json!({
            "_info": { "comment": "made by rollmill's own tests" },
            "network": network,
            "sealEngine": "NoProof",
            "config": { "network": network, "chainid": "0x01", "blobSchedule": { "Prague": schedule, "Osaka": schedule } },
            "genesisBlockHeader": { "hash": self.headers[0].hash_slow(), "stateRoot": self.headers[0].state_root },
            "genesisRLP": self.genesis_rlp,
            "pre": alloc_json(&self.pre),
            "postState": alloc_json(&post),
            "lastblockhash": self.tip().hash_slow(),
            "blocks": self.blocks,
        })
    }
}

fn alloc_json(alloc: &Alloc) -> Value {
    let account = |account: &Account| {
        let storage: Map<_, _> = account
            .storage
            .iter()
            .map(|(slot, value)| (format!("{slot:#x}"), json!(value)))
            .collect();
        json!({ "balance": account.balance, "nonce": U256::from(account.nonce), "code": account.code, "storage": storage })
    };
    alloc
        .iter()
        .map(|(address, value)| (format!("{address:#x}"), account(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn rules(forks: Vec<(u64, Fork)>) -> Rules {
    Rules::Ethereum(EthereumRules::with_forks(1, forks))
}

/// A transfer, a store with a log, a withdrawal, and a withdrawal request that becomes one of the block's requests.
fn requests(network: &str, fork: Fork) -> Value {
    let mut maker = Maker::new(rules(vec![(0, fork)]), 0);
    let request = Bytes::from(vec![0x11; 56]);
    maker.accept(
        vec![
            transaction(0, STORE_AND_LOG, 5, Bytes::from(vec![7; 32]), 100_000),
            transaction(1, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, 1, request, 300_000),
        ],
        vec![Withdrawal {
            index: 0,
            validator_index: 1,
            address: Address::repeat_byte(0xee),
            amount: 9,
        }],
    );
    maker.accept(
        vec![transaction(
            2,
            Address::repeat_byte(0xee),
            1,
            Bytes::new(),
            21_000,
        )],
        Vec::new(),
    );
    assert_ne!(maker.headers[1].requests_hash, Some(EMPTY_REQUESTS_HASH));
    let queue = WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS;
    // The request's source and key stay in the queue's slots when its head and tail are reset.
    let slots = [
        (STORE_AND_LOG, 0),
        (queue, 0),
        (queue, 1),
        (queue, 2),
        (queue, 3),
        (queue, 4),
        (queue, 5),
        (queue, 6),
    ];
    maker.test(network, &[&slots[..], &system_slots(2, &[12, 24])].concat())
}

/// Slots of the system contracts after blocks with these timestamps.
fn system_slots(blocks: u64, timestamps: &[u64]) -> Vec<(Address, u64)> {
    let history = (0..blocks).map(|number| (HISTORY_STORAGE_ADDRESS, number));
    let beacon = timestamps.iter().flat_map(|time| {
        [
            (BEACON_ROOTS_ADDRESS, time % 8191),
            (BEACON_ROOTS_ADDRESS, time % 8191 + 8191),
        ]
    });
    history.chain(beacon).collect()
}

/// One block before a fork and two after it.
fn transition(network: &str, [before, after]: [Fork; 2]) -> Value {
    let start = TRANSITION - 20;
    let mut maker = Maker::new(rules(vec![(0, before), (TRANSITION, after)]), start);
    for nonce in 0..3 {
        maker.accept(
            vec![transaction(
                nonce,
                STORE_AND_LOG,
                nonce + 1,
                Bytes::new(),
                100_000,
            )],
            Vec::new(),
        );
    }
    let times: Vec<_> = maker.headers[1..]
        .iter()
        .map(|header| header.timestamp)
        .collect();
    maker.test(
        network,
        &[&[(STORE_AND_LOG, 0)][..], &system_slots(3, &times)].concat(),
    )
}

/// Blocks that differ from a valid one in one thing each, then the valid one.
fn invalid() -> Value {
    let mut maker = Maker::new(rules(vec![(0, Fork::Osaka)]), 0);
    maker.refuse("BlockException.INVALID_STATE_ROOT", |block| {
        block.header.state_root = B256::ZERO
    });
    maker.refuse("BlockException.INVALID_GASLIMIT", |block| {
        block.header.gas_limit += GAS_LIMIT / 1_024
    });
    maker.refuse("BlockException.INVALID_BASEFEE_PER_GAS", |block| {
        block.header.base_fee_per_gas = Some(8)
    });
    maker.refuse("BlockException.EXTRA_DATA_TOO_BIG", |block| {
        block.header.extra_data = vec![0; 33].into()
    });
    maker.refuse("BlockException.INVALID_REQUESTS", |block| {
        block.header.requests_hash = Some(B256::ZERO)
    });
    maker.refuse("BlockException.INCORRECT_EXCESS_BLOB_GAS", |block| {
        block.header.excess_blob_gas = Some(131_072)
    });
    maker.refuse("TransactionException.GAS_LIMIT_EXCEEDS_MAXIMUM", |block| {
        let greedy = transaction(0, STORE_AND_LOG, 1, Bytes::new(), 16_777_217);
        block.body.transactions = vec![greedy.into_inner()];
        block.header.transactions_root =
            alloy::consensus::proofs::calculate_transaction_root(&block.body.transactions);
    });
    maker.accept(
        vec![transaction(0, STORE_AND_LOG, 1, Bytes::new(), 100_000)],
        Vec::new(),
    );
    maker.test(
        "Osaka",
        &[&[(STORE_AND_LOG, 0)][..], &system_slots(1, &[12])].concat(),
    )
}

/// A call with two values and two gas limits, one of them too little.
fn store_and_log() -> Value {
    let data = Bytes::from(vec![9; 32]);
    let (values, gas_limits) = ([3u64, 4], [100_000u64, 20_000]);
    let header = Header {
        beneficiary: COINBASE,
        number: 1,
        gas_limit: GAS_LIMIT,
        timestamp: 1_000,
        base_fee_per_gas: Some(10),
        excess_blob_gas: Some(0),
        ..Header::default()
    };
    let maker = |fork| Maker::new(rules(vec![(0, fork)]), 0);
    let pre_root = maker(Fork::Osaka).tip().state_root;
    let mut post = Map::new();
    for (name, fork) in [
        ("Cancun", Fork::Cancun),
        ("Osaka", Fork::Osaka),
        ("London", Fork::Paris),
    ] {
        let maker = maker(fork);
        let effect = |value: u64| {
            let state = StateTrie::new(&maker.state, pre_root);
            let mut executor =
                BlockExecutor::at_header(&maker.rules, header.clone(), state, &maker.state);
            executor
                .push(transaction(
                    0,
                    STORE_AND_LOG,
                    value,
                    data.clone(),
                    gas_limits[0],
                ))
                .unwrap();
            let (receipts, update, _) = executor.into_state().unwrap();
            let mut logs = Vec::new();
            alloy_rlp::encode_list(&receipts[0].logs, &mut logs);
            (update.root, keccak256(logs))
        };
        let bytes = |value, gas| {
            let transaction: Transaction =
                transaction(0, STORE_AND_LOG, value, data.clone(), gas).into_inner();
            Bytes::from(transaction.encoded_2718())
        };
        let (root, logs) = effect(values[1]);
        let (good, poor) = (
            bytes(values[1], gas_limits[0]),
            bytes(values[0], gas_limits[1]),
        );
        let mut posts = vec![
            json!({ "hash": root, "logs": logs, "txbytes": good, "indexes": { "data": 0, "gas": 0, "value": 1 } }),
        ];
        if fork != Fork::Paris {
            let exception = "TransactionException.INTRINSIC_GAS_TOO_LOW";
            posts.push(
                json!({ "hash": pre_root, "logs": keccak256([0xc0]), "txbytes": poor,
                "indexes": { "data": 0, "gas": 1, "value": 0 }, "expectException": exception }),
            );
        }
        post.insert(name.into(), posts.into());
    }
    let hex = |value: u64| format!("{value:#x}");
    json!({
        "_info": { "comment": "made by rollmill's own tests" },
        "env": {
            "currentCoinbase": COINBASE, "currentGasLimit": hex(GAS_LIMIT), "currentNumber": "0x1",
            "currentTimestamp": hex(1_000), "currentBaseFee": "0xa", "currentRandom": B256::ZERO, "currentDifficulty": "0x0",
            "currentExcessBlobGas": "0x0"
        },
        "pre": alloc_json(&alloc()),
        "transaction": {
            "data": [data], "gasLimit": gas_limits.map(hex), "value": values.map(hex), "nonce": "0x0", "to": STORE_AND_LOG,
            "maxFeePerGas": "0x3e8", "maxPriorityFeePerGas": "0x1", "sender": sender(), "secretKey": KEY
        },
        "post": post,
    })
}
