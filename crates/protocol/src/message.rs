//! L1 messages: what L1 tells L2, in order, for ever.
//!
//! A message is queued on L1 (a deposit, a forced transaction) and becomes a transaction of type 0x7E on L2. The queue is
//! a rolling hash: proving that the hash moved from one value to another proves that exactly the messages between were
//! executed, in order, none skipped and none made up.

use crate::words::{Words, tag};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Serialize};

const MESSAGE_TAG: B256 = tag("rollmill.message.v2");

/// Rolling hash of the empty queue.
pub const EMPTY_MESSAGE_HASH: B256 = tag("rollmill.messages.v1");

/// Added to the address of a contract that sends a message, so that it cannot speak for the account that happens to
/// have its address on L2: `0x1111000000000000000000000000000000001111`.
pub const ALIAS_OFFSET: Address =
    alloy_primitives::address!("1111000000000000000000000000000000001111");

/// A message from L1 to L2 as the Rollup contract queued it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L1Message {
    /// Position in the queue, from 0.
    pub index: u64,
    /// Sender on L2: the L1 account, aliased when it is a contract.
    pub sender: Address,
    /// Recipient on L2.
    pub to: Address,
    /// Wei that arrive with the message: minted for the sender, whatever becomes of the call.
    pub mint: U256,
    /// Wei sent along with the call, out of the sender's balance after the mint: its own on L2, too.
    pub value: U256,
    /// Gas bought on L1.
    pub gas_limit: u64,
    /// Call data.
    pub data: Bytes,
}

impl L1Message {
    /// `H("rollmill.message.v2", index, sender, to, mint, value, gas_limit, keccak256(data))`.
    pub fn hash(&self) -> B256 {
        Words::tagged(MESSAGE_TAG)
            .uint(self.index)
            .address(self.sender)
            .address(self.to)
            .uint256(self.mint)
            .uint256(self.value)
            .uint(self.gas_limit)
            .bytes32(keccak256(&self.data))
            .hash()
    }
}

/// The rolling hash after one more message: `H(rolling, message hash)`.
pub fn roll(rolling: B256, message_hash: B256) -> B256 {
    Words::new().bytes32(rolling).bytes32(message_hash).hash()
}

/// The L2 address for which a contract at `sender` on L1 speaks: `sender + ALIAS_OFFSET mod 2^160`.
pub fn alias(sender: Address) -> Address {
    let word = |address: Address| U256::from_be_bytes(address.into_word().0);
    // Addresses are below 2^160, so the sum cannot wrap 2^256; `from_word` keeps the low 160 bits.
    Address::from_word(B256::from(word(sender).wrapping_add(word(ALIAS_OFFSET))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    #[test]
    fn aliasing_wraps_at_160_bits() {
        assert_eq!(alias(Address::ZERO), ALIAS_OFFSET);
        assert_eq!(
            alias(Address::repeat_byte(0xff)),
            address!("1111000000000000000000000000000000001110")
        );
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let message = L1Message::default();
        let changed = [
            L1Message {
                index: 1,
                ..message.clone()
            },
            L1Message {
                sender: Address::repeat_byte(1),
                ..message.clone()
            },
            L1Message {
                to: Address::repeat_byte(1),
                ..message.clone()
            },
            L1Message {
                mint: U256::from(1),
                ..message.clone()
            },
            L1Message {
                value: U256::from(1),
                ..message.clone()
            },
            L1Message {
                gas_limit: 1,
                ..message.clone()
            },
            L1Message {
                data: Bytes::from_static(&[0]),
                ..message.clone()
            },
        ];
        let mut hashes = alloc::collections::BTreeSet::from([message.hash()]);
        for other in changed {
            assert!(hashes.insert(other.hash()));
        }
    }
}
