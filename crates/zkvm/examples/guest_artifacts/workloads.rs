//! What the batch program is measured with, beside its targets.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use eyre::{OptionExt, WrapErr};
use rollmill_protocol::l2::{FEE_PRICES_SLOT, FEE_SCHEDULE};
use rollmill_stf::state::AccountChange;

use crate::{
    batch::{Call, Scenario, address_of_sender, contract, recipient, transfers},
    calibrate::probes::{bn_pairs, calling, forwarding, precompile, precompile_probes},
};

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
/// Of one transaction that fills half a block.
const LONG_LOOP_GAS: u64 = 15_000_000;

/// Further contracts of the corpus, by what they do calldata[0] times; with the counter on the stack. All but the last leave it there.
const BODIES: [(Address, &[u8]); 10] = [
    (SWAP, SWAP_BODY),
    // SLOAD of a slot not yet looked at; BALANCE of an account likewise.
    (COLD_SLOT, &hex!("80" "54" "50")),
    (COLD_ACCOUNT, &hex!("80" "31" "50")),
    (CLEAR, &hex!("5f" "81" "55")),
    // MULMOD, ADDMOD, SDIV, SMOD, EXP of the counter's complement and a number of full length.
    (
        ARITHMETIC,
        &hex!("7ff123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210" "8119" "81818009" "82828208" "0550" "818107" "60ff900a" "505050"),
    ),
    // 32 bytes hashed.
    (SMALL_HASH, &hex!("6020" "5f" "20" "50")),
    // MSTORE, MLOAD, MCOPY of 256 bytes, CALLDATACOPY of 128.
    (
        MEMORY,
        &hex!("80" "5f" "52" "5f" "51" "50" "610100" "5f" "610200" "5e" "6080" "5f" "610400" "37"),
    ),
    // LOG3 with 64 bytes.
    (LOGS, &hex!("80" "80" "80" "6040" "5f" "a3")),
    // A contract with 32 bytes of code.
    (
        CREATES,
        &hex!("6360205ff3" "5f52" "6004" "601c" "5f" "f0" "50"),
    ),
    // Jumps: the counter goes down by way of three.
    (
        JUMPS,
        &hex!("6006" "56" "5b" "600a" "56" "5b" "600e" "56" "5b"),
    ),
];
const SWAP: Address = Address::repeat_byte(0x71);
const COLD_SLOT: Address = Address::repeat_byte(0x72);
const COLD_ACCOUNT: Address = Address::repeat_byte(0x73);
const CLEAR: Address = Address::repeat_byte(0x7a);
const ARITHMETIC: Address = Address::repeat_byte(0x74);
const SMALL_HASH: Address = Address::repeat_byte(0x75);
const MEMORY: Address = Address::repeat_byte(0x76);
const LOGS: Address = Address::repeat_byte(0x77);
const CREATES: Address = Address::repeat_byte(0x78);
const JUMPS: Address = Address::repeat_byte(0x79);
/// What a pair of tokens does when somebody swaps: reads both reserves, computes by the product rule, writes both, pays in [`TOKEN`], logs.
const SWAP_BODY: &[u8] = &hex!(
    "5f54" "600154" "6103e5" "81" "02" "6103e8" "83" "02" "90" "04"
    "80" "82" "03" "6001" "55" "91" "6001" "01" "5f" "55" "50"
    "63a9059cbb" "60e0" "1b" "5f" "52" "33" "6004" "52" "6024" "52"
    "6020" "5f" "6044" "5f" "5f" "734444444444444444444444444444444444444444" "5a" "f1" "50"
    "7fd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822" "6040" "5f" "a1"
);

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
        ]
        .into_iter()
        .chain(BODIES.map(|(address, body)| looping(address, body)))
        .map(with_slots)
        .collect(),
        transactions: calls
            .zip(0..)
            .map(|(call, index)| call.sign(index % SENDERS, index / SENDERS))
            .collect(),
        ..Scenario::default()
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
        .chain([SWAP])
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

/// The reserves of the pair, and slots beside which others are looked for.
fn with_slots((mut account, code): (AccountChange, Bytes)) -> (AccountChange, Bytes) {
    if account.address == SWAP {
        account.storage = vec![(U256::ZERO, U256::ONE << 80), (U256::ONE, U256::ONE << 100)];
    } else if account.address == COLD_SLOT || account.address == STORE {
        let slots = (2_000..3_000).map(|slot| (U256::from(slot), U256::ONE));
        account.storage = slots.collect();
    } else if account.address == CLEAR {
        account.storage = (1..=1_000)
            .map(|slot| (U256::from(slot), U256::ONE))
            .collect();
    }
    (account, code)
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

/// Transfers of ether.
pub fn ether(count: u64) -> eyre::Result<Scenario> {
    scenario((0..count).map(ether_transfer))
}

/// The batches that prover gas is judged by.
pub fn corpus() -> eyre::Result<Vec<(&'static str, Scenario)>> {
    let measured = all()?.into_iter();
    let mut corpus: Vec<_> = measured.map(|batch| (batch.name, batch.scenario)).collect();
    for (name, to, count) in [
        ("60 swaps, in one transaction", SWAP, 60),
        ("300 slots written anew", STORE, 300),
        ("300 slots cleared", CLEAR, 300),
        (
            "1,000 slots read, each for the first time",
            COLD_SLOT,
            1_000,
        ),
        (
            "1,000 accounts looked at, each for the first time",
            COLD_ACCOUNT,
            1_000,
        ),
        ("5,000 hashes of 256 bytes", HASH, 5_000),
        ("10,000 hashes of 32 bytes", SMALL_HASH, 10_000),
        ("20,000 multiplications and divisions", DIVIDE, 20_000),
        (
            "2,000 times MULMOD, ADDMOD, SDIV, SMOD, EXP",
            ARITHMETIC,
            2_000,
        ),
        (
            "5,000 times MSTORE, MLOAD, MCOPY, CALLDATACOPY",
            MEMORY,
            5_000,
        ),
        ("1,000 logs of three topics", LOGS, 1_000),
        ("50 contracts created", CREATES, 50),
        ("20,000 rounds of jumps", JUMPS, 20_000),
    ] {
        let long = Call {
            gas_limit: LONG_LOOP_GAS,
            ..repeated(to, count)
        };
        corpus.push((name, scenario([long].into_iter())?));
    }
    corpus.push((
        "20 swaps of 20 users",
        scenario((0..20).map(|_| repeated(SWAP, 1)))?,
    ));
    corpus.push(("4 transactions with 16 kB of data each", heavy(4, false)?));
    corpus.push(("4 transactions with 16 kB of zeros each", heavy(4, true)?));
    let blocks = Scenario {
        empty_blocks: 20,
        ..ether(20)?
    };
    corpus.push(("20 transfers behind 20 empty blocks", blocks));
    let blob = Scenario {
        in_blob: true,
        ..ether(100)?
    };
    corpus.push(("100 transfers in a blob", blob));
    corpus.extend(bodies_called());
    corpus.extend(precompiles_called()?);
    Ok(corpus)
}

/// What takes more of the proof than gas tells, in calls of a contract that does it.
fn bodies_called() -> impl Iterator<Item = (&'static str, Scenario)> {
    // CREATE2 with 16 kB of zeros, and what is left of the gas as salt; TSTORE of another slot each time; MLOAD at 22 kB; MSTORE, MLOAD,
    // CALLDATACOPY and MCOPY of 256 bytes where no word begins.
    let create = hex!("5a" "614000" "5f" "5f" "f5" "50" "00").to_vec();
    let transient = [hex!("60015a5d").repeat(100), vec![0]].concat();
    let memory = hex!("615a00" "51" "50" "00").to_vec();
    let moves = hex!("80600152" "60015150" "6101005f600137" "6101006001611001" "5e");
    let unaligned = [vec![0x5f], moves.repeat(50), vec![0]].concat();
    [
        ("30 times CREATE2 with 16 kB", create, 30),
        ("4,000 transient slots", transient, 40),
        ("400 calls that take 22 kB of memory each", memory, 400),
        ("2,000 moves of 256 bytes off the words", unaligned, 20),
        (
            "a call of 24 kB of jump destinations",
            vec![0x5b; 24_000],
            1,
        ),
    ]
    .into_iter()
    .map(|(name, code, calls)| (name, calling(code, calls)))
}

fn precompiles_called() -> eyre::Result<Vec<(&'static str, Scenario)>> {
    let mut called = Vec::new();
    for (name, address, input, calls, transactions) in [
        ("20 times ECRECOVER", 0x01, 0, 20, 1),
        ("100 times SHA-256 of 2 kB", 0x02, 1, 100, 1),
        ("modular powers of 256 bytes", 0x05, 2, 1, 5),
        ("100 modular powers of 32 bytes", 0x05, 1, 100, 1),
        ("20 RSA signatures of 256 bytes", 0x05, 14, 20, 1),
        ("a remainder by an even number", 0x05, 16, 1, 1),
        ("10 products on BN254", 0x07, 0, 10, 1),
        ("3 pairings on BN254", 0x08, 0, 1, 3),
        ("5 signatures on P-256", 0x100, 0, 5, 1),
        ("10 times BLAKE2 with 2,000 rounds", 0x09, 1, 10, 1),
        ("100 times BLAKE2 with 12 rounds", 0x09, 0, 100, 1),
    ] {
        let mut probes = precompile_probes().into_iter();
        let address = precompile(address);
        let probe = probes.find(|probe| probe.address == address);
        let probe = probe.ok_or_eyre("no such precompile")?;
        let input = &probe.inputs[input];
        called.push((name, forwarding(address, input, calls, transactions)));
    }
    let groth16 = forwarding(precompile(8), &bn_pairs(4), 1, 1);
    called.push(("the pairing of a Groth16 verification", groth16));
    Ok(called)
}

/// Transfers with 16 kB of data each: zeros, or such as compresses badly.
pub fn heavy(count: u64, zeros: bool) -> eyre::Result<Scenario> {
    let word = |index: u64, word: u64| {
        if zeros {
            B256::ZERO
        } else {
            keccak256([index.to_be_bytes(), word.to_be_bytes()].concat())
        }
    };
    scenario((0..count).map(|index| {
        let input: Vec<u8> = (0..512).flat_map(|at| word(index, at).0).collect();
        Call {
            input: input.into(),
            gas_limit: 1_000_000,
            ..ether_transfer(index)
        }
    }))
}
