//! L1's headers as Rust writes them, 10,000 random ones (see [`cases`]): Solidity makes the same headers
//! (`contracts/test/DifferentialHeaders.t.sol`), and the contract's reader must find the same number and prevrandao in them.

#[path = "../../../protocol/tests/board/vectors/cases.rs"]
mod cases;

use alloy::{
    consensus::Header,
    primitives::{self, B64, Bloom, Bytes, U256, keccak256},
    rlp,
};
use serde_json::Value;

use cases::{Case, int, run};

/// Name and content of the file.
pub fn all() -> [(&'static str, Value); 1] {
    let rules = [run("header", |case| {
        let header = header(case);
        vec![
            keccak256(rlp::encode(&header)),
            int(header.number),
            header.mix_hash,
        ]
    })];
    [("headers", Value::Object(rules.into_iter().collect()))]
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
