//! The durable chain without a server.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, U256, bytes, keccak256};
use redb::TableDefinition;
use rollmill_engine::{
    AppendError, Chain, ChainSpec, OpenError, Tag,
    chain::genesis_header,
    stf::{BlockAttributes, EthereumRules, Fork, Rules},
};
use tempfile::TempDir;

const RICH: Address = Address::repeat_byte(1);
const CONTRACT: Address = Address::repeat_byte(2);

/// Shanghai: no system contracts are needed.
fn spec() -> ChainSpec {
    let rich = GenesisAccount {
        balance: U256::from(5),
        ..GenesisAccount::default()
    };
    let contract = GenesisAccount {
        nonce: Some(1),
        code: Some(bytes!("6001")),
        storage: Some([(B256::ZERO, B256::repeat_byte(3))].into()),
        ..GenesisAccount::default()
    };
    let genesis = Genesis {
        gas_limit: 30_000_000,
        alloc: [(RICH, rich), (CONTRACT, contract)].into(),
        ..Genesis::default()
    };
    ChainSpec {
        rules: Rules::Ethereum(EthereumRules::at_fork(7, Fork::Shanghai)),
        genesis,
    }
}

fn attributes(timestamp: u64) -> BlockAttributes {
    BlockAttributes {
        timestamp,
        gas_limit: 30_000_000,
        prev_randao: B256::from(U256::from(timestamp)),
        withdrawals: Some(Vec::new()),
        ..BlockAttributes::default()
    }
}

#[test]
fn genesis_holds_balances_code_and_storage() {
    let dir = TempDir::new().unwrap();
    let chain = Chain::open(&dir.path().join("new/chain.redb"), &spec()).unwrap();
    let head = chain.head();
    assert_eq!((head.number, head.hash()), (0, chain.genesis_hash()));
    assert_eq!(genesis_header(&spec().genesis).unwrap().hash(), head.hash());
    let mut state = chain.state_at(&head).unwrap();
    assert_eq!(state.account(RICH).unwrap().unwrap().balance, U256::from(5));
    let contract = state.account(CONTRACT).unwrap().unwrap();
    assert_eq!(contract.code_hash, keccak256([0x60, 0x01]));
    assert_eq!(state.code(contract.code_hash).unwrap(), bytes!("6001"));
    assert_eq!(
        state.storage(CONTRACT, U256::ZERO).unwrap(),
        U256::from_be_bytes([3; 32])
    );
    assert!(state.account(Address::ZERO).unwrap().is_none());
}

#[test]
fn blocks_are_appended_in_order_and_found_again_after_reopening() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("chain.redb");
    let chain = Chain::open(&path, &spec()).unwrap();
    let mut heads = chain.subscribe();
    let (first, _) = chain.begin_block(attributes(10)).unwrap().finish().unwrap();
    let (rival, _) = chain.begin_block(attributes(11)).unwrap().finish().unwrap();
    chain.append(&first, &[(Tag::Safe, 1)]).unwrap();
    assert!(heads.has_changed().unwrap());
    assert_eq!(heads.borrow_and_update().hash(), first.hash);
    assert!(matches!(
        chain.append(&rival, &[]),
        Err(AppendError::NotNext {
            number: 1,
            head_number: 1,
            ..
        })
    ));
    assert!(matches!(
        chain.append(&first, &[]),
        Err(AppendError::NotNext { .. })
    ));
    chain.set_tag(Tag::Finalized, 9).unwrap();
    drop(chain);

    let chain = Chain::open(&path, &spec()).unwrap();
    assert_eq!(chain.head().hash(), first.hash);
    assert_eq!(chain.number_of(&first.hash).unwrap(), Some(1));
    assert_eq!(chain.number_of(&rival.hash).unwrap(), None);
    assert_eq!(
        chain.block(1).unwrap().unwrap().header.inner(),
        &first.header
    );
    assert!(chain.block(2).unwrap().is_none());
    assert_eq!(chain.receipts(1).unwrap().unwrap(), []);
    // A tag never points above the newest block.
    assert_eq!(
        (
            chain.tag(Tag::Safe).unwrap(),
            chain.tag(Tag::Finalized).unwrap()
        ),
        (1, 1)
    );
}

#[test]
fn a_file_in_use_or_of_another_chain_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("chain.redb");
    let chain = Chain::open(&path, &spec()).unwrap();
    assert!(matches!(
        Chain::open(&path, &spec()),
        Err(OpenError::InUse { .. })
    ));
    drop(chain);
    let mut other = spec();
    other.genesis.timestamp = 1;
    assert!(matches!(
        Chain::open(&path, &other),
        Err(OpenError::Genesis { .. })
    ));
    std::fs::write(dir.path().join("text"), "no database").unwrap();
    assert!(matches!(
        Chain::open(&dir.path().join("text"), &spec()),
        Err(OpenError::Open { .. })
    ));
}

#[test]
fn a_file_of_another_version_is_refused() {
    const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("chain.redb");
    drop(Chain::open(&path, &spec()).unwrap());
    let file = redb::Database::open(&path).unwrap();
    let write = file.begin_write().unwrap();
    let mut meta = write.open_table(META).unwrap();
    meta.insert("schema", 3u64.to_be_bytes().as_slice())
        .unwrap();
    drop(meta);
    write.commit().unwrap();
    drop(file);
    let refused = Chain::open(&path, &spec()).err().unwrap();
    assert!(matches!(refused, OpenError::Schema { found: 3, .. }));
    let said = refused.to_string();
    assert!(
        said.ends_with("has schema 3, this program reads 5; use a fresh data directory"),
        "{said}"
    );
}

#[test]
fn a_damaged_file_is_refused_with_its_name() {
    let dir = TempDir::new().unwrap();
    let whole = dir.path().join("whole.redb");
    let chain = Chain::open(&whole, &spec()).unwrap();
    for timestamp in 10..20 {
        let block = chain.begin_block(attributes(timestamp)).unwrap();
        chain.append(&block.finish().unwrap().0, &[]).unwrap();
    }
    drop(chain);
    let whole = std::fs::read(whole).unwrap();

    let mut without_head = whole.clone();
    without_head[..512].fill(0);
    let cut = whole[..whole.len() / 2].to_vec();
    for (name, damaged) in [("without-head", without_head), ("cut", cut)] {
        let path = dir.path().join(name);
        std::fs::write(&path, damaged).unwrap();
        let refused = Chain::open(&path, &spec()).err();
        let said = refused
            .unwrap_or_else(|| panic!("{name} is taken"))
            .to_string();
        assert!(said.contains(name), "{said}");
    }
}

/// Reads all that the chain knows; an error in words.
fn read_all(path: &Path) -> Result<(), String> {
    fn words(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let chain = Chain::open(path, &spec()).map_err(words)?;
    for number in 0..=chain.head().number {
        let header = chain.header(number).map_err(words)?.unwrap();
        chain.block(number).map_err(words)?.unwrap();
        chain.receipts(number).map_err(words)?.unwrap();
        let found = chain.number_of(&header.hash()).map_err(words)?;
        assert_eq!(found, Some(number));
    }
    chain.tag(Tag::Safe).map_err(words)?;
    chain.place_of(&B256::ZERO).map_err(words)?;
    assert!(chain.confirmed().map_err(words)?.is_none());
    let mut state = chain.state_at(&chain.head()).map_err(words)?;
    let contract = state.account(CONTRACT).map_err(words)?.unwrap();
    state.code(contract.code_hash).map_err(words)?;
    state.storage(CONTRACT, U256::ZERO).map_err(words)?;
    Ok(())
}

#[test]
fn a_scratched_page_is_an_error_that_names_the_file() {
    const PAGE_BYTES: usize = 4_096;
    let dir = TempDir::new().unwrap();
    let whole = dir.path().join("whole.redb");
    let chain = Chain::open(&whole, &spec()).unwrap();
    for timestamp in 10..14 {
        let block = chain.begin_block(attributes(timestamp)).unwrap();
        chain.append(&block.finish().unwrap().0, &[]).unwrap();
    }
    drop(chain);
    let bytes = std::fs::read(&whole).unwrap();
    read_all(&whole).unwrap();

    // Behind the head of the file; pages that were never written are zero.
    let pages =
        (1..bytes.len() / PAGE_BYTES).map(|page| page * PAGE_BYTES..(page + 1) * PAGE_BYTES);
    let mut noticed = 0;
    for page in pages.filter(|page| bytes[page.clone()].iter().any(|byte| *byte != 0)) {
        let name = format!("scratched-at-{}", page.start);
        let path = dir.path().join(&name);
        let mut scratched = bytes.clone();
        scratched[page].fill(0xff);
        std::fs::write(&path, scratched).unwrap();
        if let Err(said) = read_all(&path) {
            assert!(said.contains(&name), "{said}");
            noticed += 1;
        }
        std::fs::remove_file(path).unwrap();
    }
    // Each table has one; others hold what earlier blocks replaced.
    assert!(noticed >= 5, "{noticed}");
}

/// Which transactions those are is told by the tests of the sequencer, which confirms them.
#[test]
fn blocks_are_taken_back_down_to_one_that_exists() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("chain.redb");
    let chain = Chain::open(&path, &spec()).unwrap();
    for timestamp in 1..=3 {
        let (executed, _) = chain
            .begin_block(attributes(timestamp))
            .unwrap()
            .finish()
            .unwrap();
        chain.append(&executed, &[(Tag::Safe, timestamp)]).unwrap();
    }
    assert!(chain.taken_back().unwrap().is_empty());
    chain.take_back(1).unwrap();
    assert_eq!((chain.head().number, chain.tag(Tag::Safe).unwrap()), (1, 1));
    assert!(chain.block(2).unwrap().is_none());
    assert!(chain.taken_back().unwrap().is_empty());
    chain.forget_taken_back().unwrap();
    let missing = chain.take_back(2).unwrap_err();
    assert!(
        missing.to_string().contains("no block 2 to go back to"),
        "{missing}"
    );
}
