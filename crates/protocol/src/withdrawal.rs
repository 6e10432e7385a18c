//! Withdrawals: leaves of an append-only Keccak tree whose root every proof carries.
//!
//! A withdrawal is a message from L2 to L1: it pays its recipient, calls it with data, or both.
//!
//! The tree is the beacon deposit contract's: depth 32, `node = keccak256(left ++ right)`, empty leaves are zero, no length
//! mixed in. Appending keeps only a *frontier* of one node per level. The L2 predeploy holds the same tree in Solidity,
//! L1 checks the 32-node path. A leaf binds both chain ids, the rollup and its index, so that a withdrawal can be
//! finalised on one L1, once, and never replayed elsewhere.

use crate::words::{Words, tag};
use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Serialize};

const WITHDRAWAL_TAG: B256 = tag("rollmill.withdrawal.v2");

/// Levels between a leaf and the root.
pub const TREE_DEPTH: usize = 32;

/// The deployment that a withdrawal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithdrawalDomain {
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// The Rollup contract on L1.
    pub rollup: Address,
    /// Chain id of L2.
    pub l2_chain_id: u64,
}

/// A withdrawal from L2 to L1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    /// Position in the tree, from 0.
    pub index: u64,
    /// Who sent it on L2.
    pub sender: Address,
    /// Who is paid and called on L1.
    pub recipient: Address,
    /// Amount in wei.
    pub amount_wei: U256,
    /// What the recipient is called with.
    pub data: Bytes,
}

impl Withdrawal {
    /// `H("rollmill.withdrawal.v2", l1 chain id, rollup, l2 chain id, index, sender, recipient, amount, keccak256(data))`.
    pub fn leaf(&self, domain: &WithdrawalDomain) -> B256 {
        Words::tagged(WITHDRAWAL_TAG)
            .uint(domain.l1_chain_id)
            .address(domain.rollup)
            .uint(domain.l2_chain_id)
            .uint(self.index)
            .address(self.sender)
            .address(self.recipient)
            .uint256(self.amount_wei)
            .bytes32(keccak256(&self.data))
            .hash()
    }
}

fn node(left: B256, right: B256) -> B256 {
    Words::new().bytes32(left).bytes32(right).hash()
}

/// Roots of empty subtrees: `zeros[h]` has height `h`.
fn zeros() -> [B256; TREE_DEPTH + 1] {
    let mut zeros = [B256::ZERO; TREE_DEPTH + 1];
    for height in 0..TREE_DEPTH {
        zeros[height + 1] = node(zeros[height], zeros[height]);
    }
    zeros
}

/// Root of the tree without leaves: the predeploy's slot at genesis.
pub fn empty_root() -> B256 {
    zeros()[TREE_DEPTH]
}

/// The tree is full after 2^32 - 1 leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the withdrawal tree is full")]
pub struct TreeFull;

/// The append-only tree, reduced to its frontier: enough to append and to compute the root, 33 words whatever its size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalTree {
    count: u64,
    /// `frontier[h]` is the root of the last complete left subtree of height `h`; meaningful where bit `h` of `count` is set.
    frontier: [B256; TREE_DEPTH],
}

impl WithdrawalTree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Appends a leaf; returns its index.
    pub fn append(&mut self, leaf: B256) -> Result<u64, TreeFull> {
        let index = self.count;
        if index >= (1 << TREE_DEPTH) - 1 {
            return Err(TreeFull);
        }
        self.count += 1;
        let mut carried = leaf;
        // The height of the lowest set bit of the new count is where the carry comes to rest.
        let rest = self.count.trailing_zeros() as usize;
        for left in &self.frontier[..rest] {
            carried = node(*left, carried);
        }
        self.frontier[rest] = carried;
        Ok(index)
    }

    /// Root over the leaves so far.
    pub fn root(&self) -> B256 {
        let zeros = zeros();
        (0..TREE_DEPTH).fold(B256::ZERO, |right, height| {
            if self.count >> height & 1 == 1 {
                node(self.frontier[height], right)
            } else {
                node(right, zeros[height])
            }
        })
    }
}

/// Path of the leaf at `index` in the tree over `leaves`, from the leaf's sibling up to the root's child; `None` when there
/// is no such leaf. Linear in the number of leaves: a server keeps the leaves, L1 only checks.
pub fn proof(leaves: &[B256], index: u64) -> Option<[B256; TREE_DEPTH]> {
    let mut position = usize::try_from(index)
        .ok()
        .filter(|at| *at < leaves.len())?;
    let zeros = zeros();
    let mut level: Vec<B256> = vec![];
    level.extend_from_slice(leaves);
    let mut path = [B256::ZERO; TREE_DEPTH];
    for (height, sibling) in path.iter_mut().enumerate() {
        let at = |level: &[B256], i: usize| level.get(i).copied().unwrap_or(zeros[height]);
        *sibling = at(&level, position ^ 1);
        level = (0..level.len().div_ceil(2))
            .map(|i| node(level[2 * i], at(&level, 2 * i + 1)))
            .collect();
        position /= 2;
    }
    Some(path)
}

/// Does `path` lead from `leaf` at `index` to `root`?
pub fn verify(root: B256, leaf: B256, index: u64, path: &[B256; TREE_DEPTH]) -> bool {
    // SOUNDNESS: without this bound, index + 2^32 would be a second name of the same leaf.
    if index >> TREE_DEPTH != 0 {
        return false;
    }
    let reached = path
        .iter()
        .enumerate()
        .fold(leaf, |hash, (height, sibling)| {
            if index >> height & 1 == 1 {
                node(*sibling, hash)
            } else {
                node(hash, *sibling)
            }
        });
    reached == root
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_leaf_has_a_path_to_the_frontier_root(count in 1u8..40) {
            let leaves: Vec<B256> = (0..count).map(|i| B256::repeat_byte(i + 1)).collect();
            let mut tree = WithdrawalTree::new();
            for (i, leaf) in leaves.iter().enumerate() {
                prop_assert_eq!(tree.append(*leaf).unwrap(), i as u64);
            }
            let root = tree.root();
            for (i, leaf) in leaves.iter().enumerate() {
                let path = proof(&leaves, i as u64).unwrap();
                prop_assert!(verify(root, *leaf, i as u64, &path));
                prop_assert!(!verify(root, *leaf, i as u64 + (1 << 32), &path));
                prop_assert!(!verify(root, *leaf, i as u64 ^ 1, &path));
                prop_assert!(!verify(root, B256::ZERO, i as u64, &path));
            }
            prop_assert_eq!(proof(&leaves, count.into()), None);
        }
    }

    #[test]
    fn every_field_is_in_the_leaf() {
        let domain = WithdrawalDomain {
            l1_chain_id: 1,
            rollup: Address::ZERO,
            l2_chain_id: 2,
        };
        let withdrawal = Withdrawal::default();
        let mut leaves = alloc::collections::BTreeSet::from([withdrawal.leaf(&domain)]);
        let elsewhere = [
            WithdrawalDomain {
                l1_chain_id: 3,
                ..domain
            },
            WithdrawalDomain {
                rollup: Address::repeat_byte(1),
                ..domain
            },
            WithdrawalDomain {
                l2_chain_id: 3,
                ..domain
            },
        ];
        let changed = [
            Withdrawal {
                index: 1,
                ..withdrawal.clone()
            },
            Withdrawal {
                sender: Address::repeat_byte(1),
                ..withdrawal.clone()
            },
            Withdrawal {
                recipient: Address::repeat_byte(1),
                ..withdrawal.clone()
            },
            Withdrawal {
                amount_wei: U256::from(1),
                ..withdrawal.clone()
            },
            Withdrawal {
                data: Bytes::from_static(&[0]),
                ..withdrawal.clone()
            },
        ];
        for leaf in elsewhere.iter().map(|domain| withdrawal.leaf(domain)) {
            assert!(leaves.insert(leaf));
        }
        for leaf in changed.iter().map(|changed| changed.leaf(&domain)) {
            assert!(leaves.insert(leaf));
        }
    }

    #[test]
    fn the_empty_root_is_the_deposit_contracts_tree_with_keccak() {
        assert_eq!(WithdrawalTree::new().root(), empty_root());
        assert_eq!(
            empty_root(),
            // keccak tree of depth 32 over zero leaves, as published for Optimism's and Polygon's exit trees
            alloy_primitives::b256!(
                "27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757"
            )
        );
    }
}
