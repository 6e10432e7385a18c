//! Keys: the funder's is given, the senders' follow from it.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::keccak256;
use eyre::eyre;
use rollmill_l1::{KeyError, load_key};
use rollmill_protocol::l2;

use crate::devnet::accounts::Role;

/// Environment variable that holds the funder's key in hex.
pub const FUNDER_VARIABLE: &str = "ROLLMILL_FUNDER_KEY";

/// The account that pays: the key in `file`, else in [`FUNDER_VARIABLE`], else on a devnet one that all the world knows.
pub fn funder(file: Option<&Path>, chain_id: u64) -> eyre::Result<PrivateKeySigner> {
    match load_key(file, FUNDER_VARIABLE) {
        Err(KeyError::Missing { .. }) if is_devnet(chain_id) => Role::Load.signer(),
        Err(KeyError::Missing { .. }) => Err(eyre!(
            "chain {chain_id} is no devnet: give the key of an account with ether by --funder-key-file or {FUNDER_VARIABLE}"
        )),
        key => Ok(key?),
    }
}

fn is_devnet(chain_id: u64) -> bool {
    l2::is_devnet_l1(chain_id) || chain_id == l2::L2_CHAIN_ID_DEVNET
}

/// The `index`-th sender of a seed. It follows from the funder's key, too, so that nobody else can know it.
pub fn sender(funder: &PrivateKeySigner, seed: &str, index: u32) -> PrivateKeySigner {
    let mut input = b"rollmill.load.v1".to_vec();
    input.extend_from_slice(funder.to_bytes().as_slice());
    input.extend_from_slice(&index.to_be_bytes());
    input.extend_from_slice(seed.as_bytes());
    PrivateKeySigner::from_bytes(&keccak256(input))
        .expect("one hash of 2^128 is no key of the curve")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy_primitives::B256;

    use super::*;
    use crate::load::tests::write_key;

    #[test]
    fn senders_follow_from_key_seed_and_index() {
        let key = |byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap();
        let first = sender(&key(1), "a", 0).address();
        assert_eq!(first, sender(&key(1), "a", 0).address());
        for other in [
            sender(&key(2), "a", 0),
            sender(&key(1), "b", 0),
            sender(&key(1), "a", 1),
        ] {
            assert_ne!(first, other.address());
        }
    }

    #[test]
    fn a_key_comes_from_the_file_or_on_a_devnet_from_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        write_key(&file, &format!("{}\n", B256::repeat_byte(1)));
        let expected = PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap();
        assert_eq!(
            funder(Some(&file), 1).unwrap().address(),
            expected.address()
        );
        write_key(&file, "0x1234");
        let error = funder(Some(&file), 1).unwrap_err().to_string();
        assert!(!error.contains("1234"), "{error}");
        let known = funder(None, l2::L2_CHAIN_ID_DEVNET).unwrap().address();
        assert_eq!(known, Role::Load.signer().unwrap().address());
        let error = funder(None, 1).unwrap_err().to_string();
        assert!(error.contains(FUNDER_VARIABLE), "{error}");
    }
}
