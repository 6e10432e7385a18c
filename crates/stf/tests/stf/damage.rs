//! Damaged witnesses: whatever is changed, the statement changes with it or there is none.

use crate::batch::witness;
use crate::chain::identity;
use alloy_primitives::Bytes;
use proptest::prelude::*;
use rollmill_protocol::PublicValues;
use rollmill_stf::{Identity, execute_batch};
use std::sync::LazyLock;

/// An honest witness, for whom, and what it proves.
static HONEST: LazyLock<(Vec<u8>, Identity, PublicValues)> = LazyLock::new(|| {
    let (_, witness) = witness();
    let identity = identity(&witness.context);
    let bytes = witness.encode();
    let values = execute_batch(identity, bytes.clone().into()).unwrap();
    (bytes, identity, values)
});

/// SOUNDNESS: only the honest witness has the honest public values. (Prover gas counts the witness's length alone.)
fn check(damaged: Vec<u8>) {
    let (honest, identity, values) = &*HONEST;
    if damaged != *honest {
        assert_ne!(
            execute_batch(*identity, Bytes::from(damaged)).as_ref(),
            Ok(values)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_byte(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = HONEST.0.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        check(bytes);
    }

    #[test]
    fn a_changed_word(at: prop::sample::Index, word in prop_oneof![0u32..64, any::<u32>()]) {
        let mut bytes = HONEST.0.clone();
        let at = 4 * at.index(bytes.len() / 4);
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        check(bytes);
    }

    #[test]
    fn words_removed_or_doubled(at: prop::sample::Index, words in 1usize..40, double: bool) {
        let mut bytes = HONEST.0.clone();
        let start = 4 * at.index(bytes.len() / 4);
        let end = bytes.len().min(start + 4 * words);
        if double {
            let again = bytes[start..end].to_vec();
            bytes.splice(start..start, again);
        } else {
            bytes.drain(start..end);
        }
        check(bytes);
    }

    #[test]
    fn truncated_or_extended(cut: prop::sample::Index, more in prop::collection::vec(any::<u8>(), 1..9)) {
        let mut bytes = HONEST.0.clone();
        bytes.truncate(cut.index(bytes.len()));
        check(bytes);
        check([HONEST.0.as_slice(), &more].concat());
    }
}
