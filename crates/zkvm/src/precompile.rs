//! Body of the embedded L1's STARK precompile. The chain that hosts it sees bytes only.

use alloy_primitives::B256;

use crate::{ProgramCommitment, verify};

/// What precedes the proof in the precompile's input: program commitment, VM commitment, public values hash.
pub const PRECOMPILE_HEADER_BYTES: usize = 3 * 32;

/// Whether `input` = exe commitment (32) ++ VM commitment (32) ++ public values hash (32) ++ proof holds a valid proof.
///
/// Total: any input, also one too short, gives an answer. The caller charges gas by the length of the input before.
pub fn stark_precompile(input: &[u8]) -> bool {
    let Some((header, proof)) = input.split_at_checked(PRECOMPILE_HEADER_BYTES) else {
        return false;
    };
    let program = ProgramCommitment {
        exe: B256::from_slice(&header[..32]),
        vm: B256::from_slice(&header[32..64]),
    };
    verify(&program, B256::from_slice(&header[64..]), proof).is_ok()
}
