//! The coefficients of schedule 1, in prover gas. Written by `cargo xtask calibrate`, described in docs/developer/prover-gas.md.

use super::PrecompileWork;

/// Start-up of the program and the fixed part of a proof.
pub const BASE: u64 = 20_000;
/// Header, system calls and roots of one block.
pub const PER_BLOCK: u64 = 55_000;
/// Decoding, accounts and receipt of one transaction of either kind.
pub const PER_TRANSACTION: u64 = 13_000;
/// Recovery of one sender.
pub const PER_SIGNATURE: u64 = 22_000;
/// One unit of EVM gas used.
pub const PER_EVM_GAS: u64 = 1;
/// One byte of a transaction's input: hashed with the transaction, in its root and in the batch's data.
pub const PER_INPUT_BYTE: u64 = 40;
/// Reading, decoding and hashing one byte of witness.
pub const PER_WITNESS_BYTE: u64 = 13;
/// One Keccak permutation (136 bytes of input).
pub const PER_KECCAK_PERMUTATION: u64 = 1_030;
/// One coefficient of the polynomial that a blob's data is: 31 bytes, a product and a sum modulo 255 bits.
pub const PER_BLOB_COEFFICIENT: u64 = 910;
/// 32 bytes that an instruction copies.
pub const PER_COPIED_WORD: u64 = 60;
/// 32 bytes of memory that a call takes.
pub const PER_MEMORY_WORD: u64 = 20;
/// 32 bytes of code, of the witness or creating a contract: looked through for jump destinations.
pub const PER_CODE_WORD: u64 = 500;
/// One bit of the exponent of `EXP`.
pub const PER_EXPONENT_BIT: u64 = 450;

/// One instruction of the EVM, by its opcode.
#[rustfmt::skip]
pub const OPCODES: [u16; 256] = [
    18, 60, 170, 60, 500, 600, 500, 600, 500, 1_000, 150, 80, 1, 1, 1, 1,
    55, 55, 55, 55, 55, 30, 55, 55, 55, 40, 60, 120, 120, 130, 50, 1,
    250, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    90, 2_000, 90, 90, 50, 200, 35, 150, 35, 150, 60, 2_000, 2_200, 35, 150, 2_000,
    1_500, 90, 50, 50, 120, 40, 40, 500, 40, 60, 60, 1, 1, 1, 1, 1,
    19, 180, 180, 90, 2_600, 1_500, 39, 50, 35, 35, 40, 18, 600, 800, 150, 30,
    30, 32, 36, 36, 38, 42, 45, 43, 44, 46, 50, 50, 52, 56, 58, 57,
    60, 62, 66, 64, 66, 70, 72, 77, 79, 81, 85, 84, 86, 90, 92, 97,
    33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33,
    103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103,
    1_800, 3_000, 4_200, 5_400, 6_600, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    4_000, 4_000, 4_000, 120, 3_500, 6_000, 1, 1, 1, 1, 3_500, 1, 1, 120, 18, 3_000,
];

/// Precompiles: those at the addresses from 1 on, then P256VERIFY.
#[rustfmt::skip]
pub const PRECOMPILES: [PrecompileWork; 18] = [
    PrecompileWork { call: 22_000, byte: 0, gas: 0 },
    PrecompileWork { call: 2_000, byte: 48, gas: 0 },
    PrecompileWork { call: 3_000, byte: 95, gas: 0 },
    PrecompileWork { call: 200, byte: 3, gas: 0 },
    PrecompileWork { call: 400_000, byte: 0, gas: 37 },
    PrecompileWork { call: 150_000, byte: 0, gas: 0 },
    PrecompileWork { call: 2_400_000, byte: 0, gas: 0 },
    PrecompileWork { call: 11_000_000, byte: 58_000, gas: 0 },
    PrecompileWork { call: 20_000, byte: 0, gas: 360 },
    PrecompileWork { call: 60_000_000, byte: 0, gas: 0 },
    PrecompileWork { call: 300_000, byte: 0, gas: 0 },
    PrecompileWork { call: 2_000_000, byte: 50_000, gas: 0 },
    PrecompileWork { call: 400_000, byte: 0, gas: 0 },
    PrecompileWork { call: 4_000_000, byte: 30_000, gas: 0 },
    PrecompileWork { call: 20_000_000, byte: 40_000, gas: 0 },
    PrecompileWork { call: 5_500_000, byte: 0, gas: 0 },
    PrecompileWork { call: 19_000_000, byte: 0, gas: 0 },
    PrecompileWork { call: 6_850_000, byte: 0, gas: 0 },
];
