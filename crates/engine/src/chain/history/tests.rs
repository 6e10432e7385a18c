//! Whatever blocks come, go back and are forgotten: the states that are kept can be read, and nothing else is on disk.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, KECCAK256_EMPTY, U256};
use proptest::{
    collection::{btree_map, vec as many},
    prelude::*,
};
use rollmill_stf::{
    EthereumRules, ExecutedBlock, Fork, Rules,
    state::{AccountChange, AccountFields, StateChanges},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    ChainSpec,
    chain::places::{Place, Walk},
    pool::NoPool,
    rpc::{self, Methods, RpcConfig},
};

/// Accounts and slots are few, and so are values: equal storages, and values that come back, are frequent.
const ACCOUNTS: u8 = 5;
const SLOTS: u8 = 6;
/// Another account's nonce is the number of the block: no two blocks have the same state.
const CLOCK: Address = Address::repeat_byte(0xcc);

/// Balance and storage.
type Account = (u64, BTreeMap<U256, U256>);
/// What a state holds.
type Model = BTreeMap<Address, Account>;

/// What becomes of an account: its balance and some slots, or nothing of it stays.
type Change = Option<(u64, BTreeMap<u8, u8>)>;

#[derive(Clone, Debug)]
enum Step {
    /// A block with these changes.
    Block(BTreeMap<u8, Change>),
    /// So many blocks are taken back.
    Back(u64),
    /// So many blocks before the newest, nothing takes back any more.
    Irrevocable(u64),
    /// The process begins anew.
    Reopen,
}

fn address(index: u8) -> Address {
    Address::repeat_byte(index + 1)
}

/// A chain, and what its blocks should have.
struct World {
    _dir: TempDir,
    path: PathBuf,
    history: History,
    /// `None` only while it is opened again.
    chain: Option<Chain>,
    states: Vec<Model>,
}

fn spec() -> ChainSpec {
    // Two contracts with one storage: its nodes are held twice from the first block on.
    let contract = GenesisAccount {
        nonce: Some(1),
        balance: U256::from(1),
        storage: Some(
            [1u8, 2, 3]
                .map(|slot| (B256::with_last_byte(slot), B256::with_last_byte(1)))
                .into(),
        ),
        ..GenesisAccount::default()
    };
    let genesis = Genesis {
        alloc: [(address(0), contract.clone()), (address(1), contract)].into(),
        ..Genesis::default()
    };
    ChainSpec {
        rules: Rules::Ethereum(EthereumRules::at_fork(7, Fork::Shanghai)),
        genesis,
    }
}

fn genesis_model() -> Model {
    let storage = BTreeMap::from([1, 2, 3].map(|slot| (U256::from(slot), U256::from(1))));
    BTreeMap::from([0, 1].map(|index| (address(index), (1, storage.clone()))))
}

fn fields(nonce: u64, balance: u64) -> AccountFields {
    AccountFields {
        nonce,
        balance: U256::from(balance),
        code_hash: KECCAK256_EMPTY,
    }
}

impl World {
    fn new(history: History) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("chain.redb");
        Self {
            _dir: dir,
            chain: Some(Chain::open_keeping(history, &path, &spec()).unwrap()),
            path,
            history,
            states: vec![genesis_model()],
        }
    }

    fn chain(&self) -> &Chain {
        self.chain.as_ref().unwrap()
    }

    fn reopen(&mut self, history: History) {
        self.chain = None;
        self.history = history;
        self.chain = Some(Chain::open_keeping(history, &self.path, &spec()).unwrap());
    }

    fn head(&self) -> u64 {
        self.chain().head().number
    }

    fn oldest(&self) -> u64 {
        self.chain().oldest_state().unwrap()
    }

    fn header(&self, number: u64) -> Header {
        self.chain().header(number).unwrap().unwrap().into_inner()
    }

    /// Appends a block with these changes.
    fn block(&mut self, changes: BTreeMap<u8, Change>) {
        let head = self.chain().head();
        let number = head.number + 1;
        let clock = AccountChange {
            address: CLOCK,
            account: Some(fields(number, 0)),
            wipe_storage: false,
            storage: Vec::new(),
        };
        let mut model = self.states.last().unwrap().clone();
        let changed = changes.into_iter().map(|(index, change)| {
            let address = address(index);
            let Some((balance, slots)) = change else {
                model.remove(&address);
                return AccountChange {
                    address,
                    account: None,
                    wipe_storage: true,
                    storage: Vec::new(),
                };
            };
            let slots = slots.into_iter();
            let storage: Vec<_> = slots
                .map(|(slot, value)| (U256::from(slot), U256::from(value)))
                .collect();
            let account = model.entry(address).or_default();
            account.0 = balance;
            account.1.extend(storage.iter().copied());
            account.1.retain(|_, value| !value.is_zero());
            AccountChange {
                address,
                account: Some(fields(1, balance)),
                wipe_storage: false,
                storage,
            }
        });
        let changes = StateChanges {
            accounts: changed.chain([clock]).collect(),
            codes: Vec::new(),
        };
        let mut state = StateTrie::new(self.chain().clone(), head.state_root);
        let update = state.apply(changes).unwrap();
        let header = Header {
            number,
            parent_hash: head.hash(),
            state_root: update.root,
            ..Header::default()
        };
        let executed = ExecutedBlock {
            hash: header.hash_slow(),
            header,
            transactions: Vec::new(),
            senders: Vec::new(),
            receipts: Vec::new(),
            prover_gas: Vec::new(),
            withdrawals: None,
            requests: Vec::new(),
            update,
            work: Default::default(),
        };
        self.chain().append(&executed, &[]).unwrap();
        self.states.push(model);
    }

    /// Gives account 0 a value in slot 1.
    fn write(&mut self, value: u8) {
        let change = Some((1, [(1, value)].into()));
        self.block([(0, change)].into());
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Block(changes) => self.block(changes),
            Step::Back(blocks) => {
                let number = self.head().saturating_sub(blocks);
                let (oldest, head) = (self.oldest(), self.head());
                let taken = self.chain().rewind(number);
                if number < oldest {
                    assert!(
                        matches!(taken, Err(StorageError::Pruned { number: of, oldest: from })
                            if (of, from) == (number, oldest))
                    );
                    assert_eq!(self.head(), head);
                } else {
                    taken.unwrap();
                    self.states.truncate(number as usize + 1);
                }
            }
            Step::Irrevocable(before) => {
                let number = self.head().saturating_sub(before);
                self.chain().set_tag(Tag::Irrevocable, number).unwrap();
            }
            Step::Reopen => self.reopen(self.history),
        }
    }

    /// Where each node of a state stands.
    fn places(&self, number: u64) -> BTreeMap<Place, B256> {
        let chain = self.chain();
        let node = |hash: &B256| Ok::<_, StorageError>(chain.node(*hash).unwrap());
        let mut walk = Walk::of(self.header(number).state_root);
        let mut places = BTreeMap::new();
        while let Some((place, hash)) = walk.peek().cloned() {
            assert_eq!(places.insert(place, hash), None);
            walk.enter(&node).unwrap();
        }
        places
    }

    /// How often each node should be held.
    fn expected_holds(&self) -> BTreeMap<B256, u64> {
        let mut holds = BTreeMap::new();
        let mut before = BTreeMap::new();
        for number in self.oldest()..=self.head() {
            let places = self.places(number);
            for (place, hash) in &places {
                if before.get(place) != Some(hash) {
                    *holds.entry(*hash).or_default() += 1;
                }
            }
            before = places;
        }
        holds
    }

    fn check_state(&self, number: u64) {
        let model = &self.states[number as usize];
        let mut state = self.chain().state_at(&self.header(number)).unwrap();
        for index in 0..ACCOUNTS {
            let address = address(index);
            let found = state.account(address).unwrap();
            let expected = model.get(&address);
            assert_eq!(
                found.map(|account| account.balance),
                expected.map(|account| U256::from(account.0))
            );
            for slot in (0..SLOTS).map(U256::from) {
                let value = expected.and_then(|account| account.1.get(&slot));
                let value = value.copied().unwrap_or_default();
                assert_eq!(state.storage(address, slot).unwrap(), value);
            }
        }
        let clock = state.account(CLOCK).unwrap();
        assert_eq!(clock.map_or(0, |clock| clock.nonce), number);
    }

    /// What must be true at any time.
    fn check(&self) {
        let oldest = self.oldest();
        for number in oldest..=self.head() {
            self.check_state(number);
        }
        for number in 0..oldest {
            let gone = self.chain().state_at(&self.header(number)).unwrap_err();
            assert!(
                matches!(gone, StorageError::Pruned { number: of, oldest: from } if (of, from) == (number, oldest)),
                "{gone}"
            );
        }
        let holds = self.chain().0.database.holds().unwrap();
        assert_eq!(holds, self.expected_holds());
        assert_eq!(self.chain().node_count().unwrap(), holds.len() as u64);
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let slots = btree_map(0..SLOTS, 0..3u8, 0..4);
    proptest::option::weighted(0.8, (0..3u64, slots))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => btree_map(0..ACCOUNTS, any_change(), 0..4).prop_map(Step::Block),
        1 => (1..4u64).prop_map(Step::Back),
        4 => (0..4u64).prop_map(Step::Irrevocable),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_kept_can_be_read_and_nothing_else_is_there(
        history in 1..5u64,
        steps in many(any_step(), 1..30),
    ) {
        let mut world = World::new(History::Blocks(history));
        world.check();
        for step in steps {
            world.take(step);
            world.check();
        }
    }
}

#[test]
fn states_go_when_they_are_old_and_nothing_takes_the_next_one_back() {
    let mut world = World::new(History::Blocks(3));
    for value in 1..=10 {
        world.write(value);
    }
    // Whatever their age: nobody said that they stay.
    assert_eq!(world.oldest(), 0);
    world.chain().set_tag(Tag::Irrevocable, 6).unwrap();
    // What has piled up goes two by two, until there is what may be needed again.
    for (value, oldest) in [(11, 2), (12, 4), (13, 6), (14, 6)] {
        world.write(value);
        assert_eq!(world.oldest(), oldest);
        world.check();
    }
    world.chain().set_tag(Tag::Irrevocable, 14).unwrap();
    for (value, oldest) in [(15, 8), (16, 10), (17, 12), (18, 14), (19, 16), (20, 17)] {
        world.write(value);
        let tag = world.head() - 1;
        world.chain().set_tag(Tag::Irrevocable, tag).unwrap();
        assert_eq!(world.oldest(), oldest);
    }
    world.check();
    // Back to the oldest state, and no further.
    world.take(Step::Back(4));
    assert_eq!(world.head(), 20);
    world.take(Step::Back(3));
    assert_eq!((world.head(), world.oldest()), (17, 17));
    assert_eq!(world.chain().tag(Tag::Irrevocable).unwrap(), 17);
    world.check();
}

#[test]
fn the_file_follows_the_state_and_not_the_blocks() {
    let mut world = World::new(History::Blocks(4));
    let mut archive = World::new(History::Archive);
    let mut counts = Vec::new();
    for number in 1..=60 {
        for world in [&mut world, &mut archive] {
            world.write(1 + number % 2);
            world
                .chain()
                .set_tag(Tag::Irrevocable, number.into())
                .unwrap();
        }
        counts.push(world.chain().node_count().unwrap());
    }
    // Every second block writes the same.
    assert_eq!(counts[10..12], counts[58..60]);
    assert_eq!(archive.oldest(), 0);
    let archived = archive.chain().node_count().unwrap();
    assert!(archived > 3 * counts[59], "{archived} {counts:?}");
    world.check();
    archive.check();
}

#[test]
fn a_state_that_is_being_read_stays_while_it_is_forgotten() {
    let mut world = World::new(History::Blocks(1));
    world.write(7);
    let mut state = world.chain().state_at(&world.header(1)).unwrap();
    for value in 8..20 {
        let tag = world.head();
        world.chain().set_tag(Tag::Irrevocable, tag).unwrap();
        world.write(value);
    }
    assert!(world.chain().state_at(&world.header(1)).is_err());
    let value = state.storage(address(0), U256::from(1)).unwrap();
    assert_eq!(value, U256::from(7));
}

#[test]
fn whoever_keeps_all_states_from_now_on_has_those_that_are_left() {
    let mut world = World::new(History::Archive);
    for value in 1..=9 {
        world.write(value);
    }
    world.chain().set_tag(Tag::Irrevocable, 9).unwrap();
    // Fewer than before: what was kept for ever goes, too.
    world.reopen(History::Blocks(2));
    world.write(10);
    world.write(11);
    assert_eq!(world.oldest(), 4);
    world.reopen(History::Archive);
    for value in 12..=15 {
        world.write(value);
    }
    assert_eq!((world.oldest(), world.head()), (4, 15));
    world.check();
}

#[tokio::test]
async fn clients_are_told_that_a_state_is_forgotten() {
    let mut world = World::new(History::Blocks(1));
    for value in 1..=6 {
        world.write(value);
        let tag = world.head();
        world.chain().set_tag(Tag::Irrevocable, tag).unwrap();
    }
    assert_eq!(world.oldest(), 5);
    let config = RpcConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        client_version: "test".into(),
        priority_fee_wei: 0,
    };
    let pool = Arc::new(NoPool::default());
    let methods = rpc::methods(world.chain().clone(), pool, &config, Methods::default());
    let ask = async |method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = methods.raw_json_request(&request.to_string(), 1).await;
        serde_json::from_str::<Value>(answer.unwrap().0.get()).unwrap()
    };
    let account = address(0);
    let call = json!({"to": account});
    for (method, params, of) in [
        ("eth_getBalance", json!([account, "0x3"]), 3),
        ("eth_getTransactionCount", json!([account, "earliest"]), 0),
        ("eth_getCode", json!([account, "0x3"]), 3),
        ("eth_getStorageAt", json!([account, "0x1", "0x3"]), 3),
        ("eth_getProof", json!([account, ["0x1"], "0x3"]), 3),
        ("eth_call", json!([call, "0x3"]), 3),
        ("eth_estimateGas", json!([call, "0x3"]), 3),
        ("eth_createAccessList", json!([call, "0x3"]), 3),
        (
            "eth_simulateV1",
            json!([{"blockStateCalls": [{}]}, "0x3"]),
            3,
        ),
        (
            "debug_traceCall",
            json!([call, "0x3", {"tracer": "callTracer"}]),
            3,
        ),
        (
            "debug_traceBlockByNumber",
            json!(["0x4", {"tracer": "callTracer"}]),
            3,
        ),
        ("debug_executionWitness", json!(["0x4"]), 3),
    ] {
        let error = ask(method, params).await["error"].take();
        assert_eq!(error["code"], -32000, "{method}: {error}");
        let text = format!(
            "missing trie node: the state of block {of} is not available, this node has those of block 5 and later ones; \
             an archive node has all"
        );
        assert_eq!(error["message"], text, "{method}");
    }
    // What is no state is kept, and so is the window's first.
    assert_eq!(
        ask("eth_getBlockByNumber", json!(["0x3", false])).await["result"]["number"],
        "0x3"
    );
    assert_eq!(
        ask("eth_getBlockReceipts", json!(["0x3"])).await["result"],
        json!([])
    );
    assert_eq!(
        ask("eth_getBalance", json!([account, "0x5"])).await["result"],
        "0x1"
    );
}
