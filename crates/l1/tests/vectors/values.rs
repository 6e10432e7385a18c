//! L1's headers as Rust writes them, 10,000 random ones (see [`cases`]): Solidity makes the same headers
//! (`contracts/test/DifferentialHeaders.t.sol`), and the contract's reader must find the same number and prevrandao in them. And the
//! blobs of some data, with what is proven of them (`contracts/test/Blobs.t.sol`).

#[path = "../../../protocol/tests/board/vectors/cases.rs"]
mod cases;

use alloy::{
    consensus::Header,
    primitives::{self, B64, Bloom, Bytes, U256, keccak256},
    rlp,
};
use rollmill_l1::kzg::DataBlob;
use rollmill_protocol::blob::{BLOB_DATA_BYTES_MAX, point};
use serde_json::{Value, json};

use cases::{Case, int, run};

/// Name and content of the file.
pub fn all() -> [(&'static str, Value); 2] {
    let rules = [run("header", |case| {
        let header = header(case);
        vec![
            keccak256(rlp::encode(&header)),
            int(header.number),
            header.mix_hash,
        ]
    })];
    [
        ("headers", Value::Object(rules.into_iter().collect())),
        ("blobs", blobs()),
    ]
}

/// What is committed and proven of data of these lengths, of which byte n is n * n + length.
fn blobs() -> Value {
    let lengths = [1, 1_000, 40_000, BLOB_DATA_BYTES_MAX];
    let mut columns: [Vec<Value>; 5] = Default::default();
    for length in lengths {
        let data: Vec<u8> = (0..length).map(|n| (n * n + length) as u8).collect();
        let blob = DataBlob::new(&data).expect("it fits");
        let (hash, commitment) = (blob.versioned_hash(), keccak256(&data));
        let z = point(hash, commitment);
        let (y, opening) = blob.opening(z);
        let row = [
            json!(hash),
            json!(commitment),
            json!(z),
            json!(y),
            json!(opening),
        ];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let [hashes, commitments, points, values, openings] = columns;
    json!({
        "lengths": lengths,
        "versionedHashes": hashes,
        "dataCommitments": commitments,
        "points": points,
        "values": values,
        "openings": openings,
    })
}

/// An integer of any size: word `j`, less what word `j + 30` cuts off.
fn sized(case: &Case, j: u64) -> u64 {
    case.u64(j) >> (case.u64(j + 30) % 64)
}

/// A header of one of Ethereum's upgrades: word 0 says how many of its later fields there are.
fn header(case: &Case) -> Header {
    let fields = case.u64(0) % 7;
    let later = |position: u64| position < fields;
    Header {
        parent_hash: case.word(1),
        ommers_hash: case.word(2),
        beneficiary: case.address(3),
        state_root: case.word(4),
        transactions_root: case.word(5),
        receipts_root: case.word(6),
        logs_bloom: Bloom::from_slice(&case.word(7).repeat(8)),
        difficulty: U256::from_be_bytes(case.word(8).0) >> (case.u64(38) % 257) as usize,
        number: sized(case, 9),
        gas_limit: sized(case, 10),
        gas_used: sized(case, 11),
        timestamp: sized(case, 12),
        extra_data: Bytes::copy_from_slice(&case.word(13)[..(case.u64(43) % 33) as usize]),
        mix_hash: case.word(14),
        nonce: B64::from_slice(&case.word(15)[24..]),
        base_fee_per_gas: later(0).then(|| sized(case, 16)),
        withdrawals_root: later(1).then(|| case.word(17)),
        blob_gas_used: later(2).then(|| sized(case, 18)),
        excess_blob_gas: later(3).then(|| sized(case, 19)),
        parent_beacon_block_root: later(4).then(|| case.word(20)),
        requests_hash: later(5).then(|| case.word(21)),
        ..Header::default()
    }
}
