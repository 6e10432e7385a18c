//! The coefficients of schedule 1, in prover gas. Written by `cargo xtask calibrate`, described in docs/developer/prover-gas.md.

use super::PrecompileWork;

/// Start-up of the program and the fixed part of a proof.
pub const BASE: u64 = 0;
/// Header, system calls and roots of one block.
pub const PER_BLOCK: u64 = 48_257;
/// Decoding, accounts and receipt of one transaction of either kind.
pub const PER_TRANSACTION: u64 = 5_811;
/// Recovery of one sender.
pub const PER_SIGNATURE: u64 = 13_039;
/// One unit of EVM gas used.
pub const PER_EVM_GAS: u64 = 1;
/// One byte of a transaction's input: hashed with the transaction, in its root and in the batch's data.
pub const PER_INPUT_BYTE: u64 = 37;
/// Reading, decoding and hashing one byte of witness.
pub const PER_WITNESS_BYTE: u64 = 41;
/// One Keccak permutation (136 bytes of input).
pub const PER_KECCAK_PERMUTATION: u64 = 1_016;
/// One coefficient of the polynomial that a blob's data is: 31 bytes, a product and a sum modulo 255 bits.
pub const PER_BLOB_COEFFICIENT: u64 = 906;
/// 32 bytes that an instruction copies.
pub const PER_COPIED_WORD: u64 = 64;
/// 32 bytes of memory that a call takes.
pub const PER_MEMORY_WORD: u64 = 4;
/// 32 bytes of code, of the witness or creating a contract: looked through for jump destinations.
pub const PER_CODE_WORD: u64 = 296;
/// One bit of the exponent of `EXP`.
pub const PER_EXPONENT_BIT: u64 = 285;
/// One product of two words of 64 bits in a modular power.
pub const PER_POWER_PRODUCT: u64 = 25;

/// One instruction of the EVM, by its opcode.
#[rustfmt::skip]
pub const OPCODES: [u16; 256] = [
    18, 61, 173, 64, 769, 892, 737, 844, 193, 1_419, 178, 85, 0, 0, 0, 0,
    53, 53, 54, 53, 50, 35, 45, 45, 45, 35, 47, 113, 115, 120, 106, 0,
    117, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    67, 3_727, 67, 67, 34, 193, 33, 124, 30, 123, 63, 3_825, 3_846, 31, 136, 3_772,
    4_537, 67, 34, 34, 148, 30, 32, 339, 32, 51, 43, 0, 0, 0, 0, 0,
    19, 141, 185, 63, 2_437, 881, 39, 50, 32, 32, 30, 18, 1, 650, 125, 30,
    30, 32, 36, 36, 38, 42, 45, 43, 44, 46, 50, 50, 52, 56, 58, 57,
    60, 62, 66, 64, 66, 70, 72, 77, 79, 81, 85, 84, 86, 90, 92, 97,
    33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33, 33,
    103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103, 103,
    1_338, 2_677, 4_035, 5_226, 6_419, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 5_830, 5_863, 91, 5_563, 1, 0, 0, 0, 0, 5_841, 0, 0, 647, 18, 1,
];

/// Precompiles: those at the addresses from 1 on, then P256VERIFY.
#[rustfmt::skip]
pub const PRECOMPILES: [PrecompileWork; 18] = [
    PrecompileWork { call: 6_528, byte: 0, gas: 0 },
    PrecompileWork { call: 55, byte: 43, gas: 0 },
    PrecompileWork { call: 0, byte: 21, gas: 0 },
    PrecompileWork { call: 0, byte: 2, gas: 0 },
    PrecompileWork { call: 11_325, byte: 0, gas: 0 },
    PrecompileWork { call: 86_330, byte: 0, gas: 0 },
    PrecompileWork { call: 2_661_348, byte: 0, gas: 0 },
    PrecompileWork { call: 11_960_304, byte: 52_551, gas: 0 },
    PrecompileWork { call: 0, byte: 0, gas: 365 },
    PrecompileWork { call: 78_607_696, byte: 0, gas: 0 },
    PrecompileWork { call: 192_555, byte: 0, gas: 0 },
    PrecompileWork { call: 5_192_045, byte: 19_383, gas: 0 },
    PrecompileWork { call: 284_807, byte: 0, gas: 0 },
    PrecompileWork { call: 15_981_426, byte: 23_199, gas: 0 },
    PrecompileWork { call: 26_490_291, byte: 40_773, gas: 0 },
    PrecompileWork { call: 3_533_643, byte: 0, gas: 0 },
    PrecompileWork { call: 10_726_217, byte: 0, gas: 0 },
    PrecompileWork { call: 6_805_365, byte: 0, gas: 0 },
];
