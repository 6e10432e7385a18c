//! Proofs that a program relies on without reading them: the machine's deferral extension.
//!
//! The program names a proof by its commitment, and is told what that proof shows. Whether there is such a proof is shown beside the
//! run: circuit 0 of the machine verifies it, and the aggregation joins both. That circuit knows one verifying key, the last layer's
//! over any program on any machine with the aggregation of batch program version 1; what is told names program and machine.
#![cfg_attr(not(test), no_std)]

use alloy_primitives::{B256, U256};
#[cfg(target_os = "zkvm")]
use rollmill_protocol::ProofCommitment;
use rollmill_protocol::aggregate::Shown;

/// The BabyBear prime.
const ORDER: u32 = 0x7800_0001;
/// Field elements in a digest of the proof system.
const DIGEST_ELEMENTS: usize = 8;

/// A digest as the deferral extension writes it: each element in four bytes, least significant first.
pub type DigestBytes = [u8; DIGEST_ELEMENTS * 4];

/// What the proof with this commitment shows. Does not return if there is none.
#[cfg(target_os = "zkvm")]
pub fn verify(proof: ProofCommitment) -> Shown {
    /// The instruction takes pointers to whole words.
    #[repr(C, align(4))]
    struct OnWord(DigestBytes);
    let output = openvm_verify_stark_guest::verify_stark_unchecked::<0>(&OnWord(proof.0.0).0);
    shown(
        &output.app_exe_commit,
        &output.app_vm_commit,
        &output.user_public_values,
    )
}

/// What a proof shows, from what the deferral circuit exposes of it.
///
/// # Panics
/// If the program revealed another number of bytes than a hash has: it is none of ours.
pub fn shown(exe: &DigestBytes, vm: &DigestBytes, revealed: &[u8]) -> Shown {
    Shown {
        exe: commitment(exe),
        vm: commitment(vm),
        public_values_hash: B256::try_from(revealed).expect("programs reveal one hash"),
    }
}

/// The form in which L1 knows a digest: the big-endian number whose digits to the base of the field's order the elements are, least
/// significant first.
fn commitment(digest: &DigestBytes) -> B256 {
    let (elements, _) = digest.as_chunks::<4>();
    let number = elements.iter().rev().fold(U256::ZERO, |sum, element| {
        // Below 2^248 whatever the bytes are that a circuit range-checked to the field.
        sum * U256::from(ORDER) + U256::from(u32::from_le_bytes(*element))
    });
    B256::from(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    fn digest(elements: [u32; DIGEST_ELEMENTS]) -> DigestBytes {
        let mut bytes = [0; 32];
        for (own, element) in bytes.chunks_exact_mut(4).zip(elements) {
            own.copy_from_slice(&element.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn digests_are_numbers_as_l1_knows_them() {
        assert_eq!(
            commitment(&digest([7, 0, 0, 0, 0, 0, 0, 0])),
            B256::with_last_byte(7)
        );
        assert_eq!(
            commitment(&digest([5, 1, 0, 0, 0, 0, 0, 0])),
            B256::from(U256::from(u64::from(ORDER) + 5))
        );
        // p^8 - 1.
        assert_eq!(
            commitment(&digest([ORDER - 1; DIGEST_ELEMENTS])),
            b256!("0x0098c29b8b2f1b6f4c0a66714470a403612c6005c490000627000003c0000000")
        );
    }

    #[test]
    fn what_a_proof_shows_is_put_together() {
        let one = |at: usize| {
            let mut elements = [0; DIGEST_ELEMENTS];
            elements[at] = 1;
            digest(elements)
        };
        let shown = shown(&one(0), &one(1), &[9; 32]);
        assert_eq!(shown.exe, B256::with_last_byte(1));
        assert_eq!(shown.vm, B256::from(U256::from(ORDER)));
        assert_eq!(shown.public_values_hash, B256::repeat_byte(9));
    }

    #[test]
    #[should_panic(expected = "programs reveal one hash")]
    fn other_programs_are_none_of_ours() {
        shown(&[0; 32], &[0; 32], &[9; 64]);
    }
}
