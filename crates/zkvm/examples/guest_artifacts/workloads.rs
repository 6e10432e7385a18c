//! What the batch program is measured with, beside its targets.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use eyre::{OptionExt, WrapErr};
use rollmill_protocol::l2::{FEE_PRICES_SLOT, FEE_SCHEDULE};
use rollmill_stf::state::AccountChange;

use crate::batch::{Call, Scenario, address_of_sender, contract, recipient, transfers};

/// OpenZeppelin's ERC-20, as the devnet's rounds deploy it.
const TOKEN_ARTIFACT: &str = include_str!("../../../../contracts/artifacts/ExampleToken.json");
const TOKEN: Address = Address::repeat_byte(0x44);
/// Selector of `transfer(address,uint256)`.
const TRANSFER_SELECTOR: [u8; 4] = hex!("a9059cbb");
const TOKEN_GAS: u64 = 80_000;

/// Contracts that do one thing calldata[0] times; with the counter on the stack.
const HASH: Address = Address::repeat_byte(0x51);
const HASH_BODY: &[u8] = &hex!("610100" "6000" "20" "50");
const STORE: Address = Address::repeat_byte(0x52);
const STORE_BODY: &[u8] = &hex!("80" "80" "55");
const DIVIDE: Address = Address::repeat_byte(0x53);
const DIVIDE_BODY: &[u8] = &hex!("80" "80" "02" "80" "80" "01" "90" "04" "50");
const LOOP_GAS: u64 = 400_000;

const SENDERS: u64 = 20;

/// A batch, and by what it is measured.
pub struct Workload {
    pub name: &'static str,
    pub scenario: Scenario,
    pub measure: Measure,
    /// Most instructions for each of what it is measured by.
    pub target: u64,
}

/// What the instructions of a batch are divided by.
pub enum Measure {
    Transactions,
    EvmGas,
}

/// All of them: the recorded batch, then batches that take fees.
pub fn all() -> eyre::Result<Vec<Workload>> {
    let in_batch = |name, scenario, measure, target| Workload {
        name,
        scenario,
        measure,
        target,
    };
    let recorded = transfers();
    let ether = scenario((0..100).map(ether_transfer))?;
    let tokens = scenario((0..100).map(token_transfer))?;
    let mixed = (0..12)
        .map(ether_transfer)
        .chain((0..8).map(token_transfer))
        .chain([
            repeated(HASH, 1_100),
            repeated(STORE, 5),
            repeated(DIVIDE, 1_900),
        ]);
    let mixed = scenario(mixed)?;
    Ok(vec![
        in_batch("10 transfers", recorded, Measure::Transactions, 80_000),
        in_batch("100 transfers", ether, Measure::Transactions, 80_000),
        in_batch(
            "100 ERC-20 transfers",
            tokens,
            Measure::Transactions,
            120_000,
        ),
        in_batch("1 M gas of all sorts", mixed, Measure::EvmGas, 5),
    ])
}

/// Calls in their order, of one sender after the other, with the contracts that they need.
fn scenario(calls: impl Iterator<Item = Call>) -> eyre::Result<Scenario> {
    let prices = (U256::from(1) << 128) | U256::from(1);
    let fees = contract(
        FEE_SCHEDULE,
        Bytes::from_static(&[0xfe]),
        vec![(U256::from(FEE_PRICES_SLOT), prices)],
    );
    Ok(Scenario {
        senders: SENDERS,
        contracts: vec![
            fees,
            token()?,
            looping(HASH, HASH_BODY),
            looping(STORE, STORE_BODY),
            looping(DIVIDE, DIVIDE_BODY),
        ],
        transactions: calls
            .zip(0..)
            .map(|(call, index)| call.sign(index % SENDERS, index / SENDERS))
            .collect(),
    })
}

fn ether_transfer(index: u64) -> Call {
    Call {
        to: recipient(index * 37),
        value: U256::from(1_000_000_000 + index),
        ..Call::default()
    }
}

/// The token, held by the senders and by every other recipient.
fn token() -> eyre::Result<(AccountChange, Bytes)> {
    let artifact: serde_json::Value =
        serde_json::from_str(TOKEN_ARTIFACT).wrap_err("reading the token's artifact")?;
    let code = artifact["deployedBytecode"]
        .as_str()
        .ok_or_eyre("the token's artifact has no code")?
        .parse()?;
    let holders = (0..SENDERS)
        .map(address_of_sender)
        .chain((0..1_000).step_by(2).map(recipient));
    let balances = holders.map(|holder| (balance_slot(holder), U256::from(u64::MAX)));
    Ok(contract(TOKEN, code, balances.collect()))
}

/// Where OpenZeppelin's ERC-20 keeps a balance: the mapping is its first variable.
fn balance_slot(holder: Address) -> U256 {
    keccak256([holder.into_word(), B256::ZERO].concat()).into()
}

fn token_transfer(index: u64) -> Call {
    let (to, amount) = (recipient(index * 37).into_word(), U256::from(1_000 + index));
    let words = [to.0, amount.to_be_bytes()].concat();
    Call {
        to: TOKEN,
        input: [&TRANSFER_SELECTOR[..], &words].concat().into(),
        gas_limit: TOKEN_GAS,
        ..Call::default()
    }
}

/// A contract that runs `body` as often as calldata says.
fn looping(address: Address, body: &[u8]) -> (AccountChange, Bytes) {
    // PUSH0 CALLDATALOAD JUMPDEST body; PUSH1 1 SWAP1 SUB DUP1 PUSH1 2 JUMPI STOP
    let code = [
        &hex!("5f355b")[..],
        body,
        &hex!("60019003" "80" "6002" "57" "00"),
    ]
    .concat();
    contract(address, code.into(), Vec::new())
}

fn repeated(to: Address, count: u64) -> Call {
    Call {
        to,
        input: B256::from(U256::from(count)).into(),
        gas_limit: LOOP_GAS,
        ..Call::default()
    }
}
