//! Who proves, and what: read before any work is done, and bound into the statement.

use alloy_primitives::{keccak256, Address, B256};
use rollmill_protocol::TaskId;
use rollmill_stf::Identity;

/// Length of an encoded identity in bytes: roller address, then task id.
pub const IDENTITY_BYTES: usize = 20 + 32;

/// The identity input has another length than [`IDENTITY_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityError;

/// Decodes the first input of every program.
pub fn decode(bytes: &[u8]) -> Result<Identity, IdentityError> {
    if bytes.len() != IDENTITY_BYTES {
        return Err(IdentityError);
    }
    let (roller, task) = bytes.split_at(20);
    Ok(Identity {
        roller: Address::from_slice(roller),
        task: TaskId(B256::from_slice(task)),
    })
}

/// `keccak256(roller ++ task)`: the seed of the [prelude](crate::prelude).
pub fn seed(identity: &Identity) -> B256 {
    let mut bytes = [0; IDENTITY_BYTES];
    bytes[..20].copy_from_slice(identity.roller.as_slice());
    bytes[20..].copy_from_slice(identity.task.0.as_slice());
    keccak256(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_exactly_52_bytes() {
        let bytes: [u8; IDENTITY_BYTES] = core::array::from_fn(|index| index as u8);
        let identity = decode(&bytes).expect("right length");
        assert_eq!(identity.roller, Address::from_slice(&bytes[..20]));
        assert_eq!(identity.task.0, B256::from_slice(&bytes[20..]));
        assert_eq!(seed(&identity), keccak256(bytes));
        assert_eq!(decode(&bytes[..51]), Err(IdentityError));
        assert_eq!(decode(&[0; 53]), Err(IdentityError));
    }
}
