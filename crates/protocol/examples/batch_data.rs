//! What batches take on L1, in both versions and by another compressor, and what reading them back costs.
//!
//! `cargo run --release -p rollmill-protocol --example batch_data`. The numbers stand in docs/developer/batch-data.md.

use std::{hint::black_box, time::Instant};

use alloy_primitives::{B256, Bytes, hex, keccak256};
use alloy_rlp::{Encodable, Header};
use rollmill_protocol::{BatchData, BlockData};

/// Reading is timed over so many repetitions.
const REPETITIONS: u32 = 200;

const ARTIFACTS: [&str; 3] = [
    include_str!("../../../contracts/artifacts/ExampleToken.json"),
    include_str!("../../../contracts/artifacts/RewardPool.json"),
    include_str!("../../../contracts/artifacts/Court.json"),
];

/// Numbers without pattern, the same in every run.
struct Random(u64);

impl Random {
    fn word(&mut self) -> B256 {
        self.0 += 1;
        keccak256(self.0.to_be_bytes())
    }

    fn below(&mut self, end: u64) -> u64 {
        let word = self.word();
        u64::from_be_bytes(*word.first_chunk().expect("a word has eight bytes")) % end
    }
}

enum Kind {
    Transfer,
    TokenTransfer,
    Deployment(Vec<u8>),
}

/// A signed EIP-1559 transaction as wallets make it: six in ten pay somebody new, prices move little, nonces differ.
fn transaction(random: &mut Random, kind: &Kind) -> Bytes {
    let word = random.word();
    let new = random.below(10) < 6;
    let known = keccak256([random.below(200) as u8]);
    let person = if new { &word[12..] } else { &known[12..] };
    let token = keccak256([random.below(5) as u8, 1]);
    let amount = (1 + random.below(5_000)) * 1_000_000;
    let price = [2_000_000_000u64, 2_000_000_007, 1_500_000_000][random.below(3) as usize];
    let tip = [0u64, 0, 1_000_000][random.below(3) as usize];
    let (gas, to, value, input) = match kind {
        Kind::Transfer => (21_000, person, amount * 1_000_000, Vec::new()),
        Kind::TokenTransfer => {
            let zeros = [0; 12];
            let input = [
                &hex!("a9059cbb")[..],
                &zeros[..],
                person,
                &[0; 24],
                &amount.to_be_bytes(),
            ];
            (
                45_000 + random.below(20_000),
                &token[12..],
                0,
                input.concat(),
            )
        }
        Kind::Deployment(code) => (
            500_000 + random.below(2_000_000),
            &person[..0],
            0,
            code.clone(),
        ),
    };
    let mut fields = Vec::new();
    for number in [1_337_002, random.below(2_000), tip, price, gas] {
        number.encode(&mut fields);
    }
    to.encode(&mut fields);
    value.encode(&mut fields);
    input.as_slice().encode(&mut fields);
    fields.push(0xc0);
    random.below(2).encode(&mut fields);
    for word in [random.word(), random.word()] {
        let zeros = word.iter().take_while(|byte| **byte == 0).count();
        word[zeros..].encode(&mut fields);
    }
    let mut raw = vec![0x02];
    Header {
        list: true,
        payload_length: fields.len(),
    }
    .encode(&mut raw);
    raw.extend(fields);
    raw.into()
}

/// Blocks of so many transactions each, one a second, twelve of them under one randomness of L1.
fn batch(random: &mut Random, kinds: &[Kind], block: usize) -> BatchData {
    let blocks = kinds.chunks(block).enumerate().map(|(number, kinds)| {
        let transactions = kinds.iter().map(|kind| transaction(random, kind));
        BlockData {
            timestamp: 1_767_225_600 + number as u64,
            gas_limit: 30_000_000,
            prevrandao: keccak256([(number / 12) as u8]),
            l1_message_count: 0,
            transactions: transactions.collect(),
        }
    });
    BatchData {
        blocks: blocks.collect(),
    }
}

fn code(artifact: &str) -> Vec<u8> {
    let artifact: serde_json::Value = serde_json::from_str(artifact).expect("committed JSON");
    let code = artifact["bytecode"].as_str().expect("artifacts have code");
    hex::decode(code).expect("artifacts hold hex")
}

fn micros(bytes: &[u8]) -> u128 {
    let start = Instant::now();
    for _ in 0..REPETITIONS {
        let data = BatchData::decode(black_box(bytes)).expect("just encoded");
        black_box(data);
    }
    start.elapsed().as_micros() / u128::from(REPETITIONS)
}

fn row(name: &str, random: &mut Random, kinds: &[Kind], block: usize) {
    let data = batch(random, kinds, block);
    let (plain, encoded) = (data.encode_plain(), data.encode());
    let zstd = zstd::bulk::compress(&plain, 19).expect("memory to memory");
    println!(
        "| {name} | {} | {} | {} | {} us | {} us |",
        plain.len(),
        zstd.len() + 1,
        encoded.len(),
        micros(&plain),
        micros(&encoded),
    );
}

fn main() {
    let random = &mut Random(0);
    let transfers = |count: usize| (0..count).map(|_| Kind::Transfer);
    let tokens = |count: usize| (0..count).map(|_| Kind::TokenTransfer);
    let deployments = || ARTIFACTS.map(|artifact| Kind::Deployment(code(artifact)));
    let mixed = |count: usize| transfers(count / 2).chain(tokens(count / 2));
    println!(
        "| batch | version 1 | zstd -19 of it | as posted | reading version 1 | reading what is posted |"
    );
    println!("|---|---|---|---|---|---|");
    row("a transfer", random, &Vec::from_iter(transfers(1)), 1);
    row(
        "12 transactions in 5 blocks",
        random,
        &Vec::from_iter(mixed(12)),
        3,
    );
    row("100 transfers", random, &Vec::from_iter(transfers(100)), 20);
    row(
        "100 token transfers",
        random,
        &Vec::from_iter(tokens(100)),
        20,
    );
    row("300 of both", random, &Vec::from_iter(mixed(300)), 25);
    row("three contracts, 25 kB", random, &deployments(), 1);
}
