//! A witness at work.

use super::{Preimages, Witness, WitnessError, WitnessPart};
use crate::source::{BlockHashSource, SourceError, StateSource};
use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, Bytes, keccak256};
use core::cell::Cell;
use rollmill_protocol::L1Message;

/// A witness at work: answers by hash and notes which items were used.
#[derive(Debug)]
pub struct WitnessSource<'a> {
    witness: &'a Witness,
    parent_number: u64,
    parent_hash: B256,
    /// Hashes of the blocks from the parent's parent down: that of the block of ancestor `i`, and one more, which the last
    /// ancestor names as its parent.
    older_hashes: Vec<B256>,
    nodes_used: Vec<Cell<bool>>,
    codes_used: Vec<Cell<bool>>,
    messages_used: Vec<Cell<bool>>,
    /// Number of ancestors that some block hash was taken from.
    ancestors_used: Cell<usize>,
}

impl<'a> WitnessSource<'a> {
    /// Checks that the ancestors chain to the parent, block `parent_number`.
    pub fn new(witness: &'a Witness, parent_number: u64) -> Result<Self, WitnessError> {
        let mut older_hashes = Vec::with_capacity(witness.ancestors.len() + 1);
        let mut expected = parent_hash_of(&witness.parent_header)?;
        older_hashes.push(expected);
        for (index, header) in witness.ancestors.iter().enumerate() {
            if keccak256(header) != expected {
                return Err(WitnessError::Ancestor(index));
            }
            expected = parent_hash_of(header)?;
            older_hashes.push(expected);
        }
        Ok(Self {
            witness,
            parent_number,
            parent_hash: keccak256(&witness.parent_header),
            older_hashes,
            nodes_used: vec![Cell::new(false); witness.nodes.len()],
            codes_used: vec![Cell::new(false); witness.codes.len()],
            messages_used: vec![Cell::new(false); witness.messages.len()],
            ancestors_used: Cell::new(0),
        })
    }

    /// Hash of the parent header.
    pub const fn parent_hash(&self) -> B256 {
        self.parent_hash
    }

    /// The L1 message at `position` of the witness, `None` if there are fewer.
    pub fn message(&self, position: usize) -> Option<&'a L1Message> {
        let message = self.witness.messages.get(position)?;
        self.messages_used[position].set(true);
        Some(message)
    }

    /// To be called when the batch is done: every item must have been used.
    pub fn finish(&self) -> Result<(), WitnessError> {
        let lists = [
            (WitnessPart::Node, &self.nodes_used),
            (WitnessPart::Code, &self.codes_used),
            (WitnessPart::Message, &self.messages_used),
        ];
        for (part, used) in lists {
            if let Some(index) = used.iter().position(|used| !used.get()) {
                return Err(WitnessError::Superfluous { part, index });
            }
        }
        match self.ancestors_used.get() {
            used if used < self.witness.ancestors.len() => Err(WitnessError::Superfluous {
                part: WitnessPart::Header,
                index: used,
            }),
            _ => Ok(()),
        }
    }
}

impl StateSource for WitnessSource<'_> {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        find(&self.witness.nodes, &self.nodes_used, hash)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        find(&self.witness.codes, &self.codes_used, code_hash)
    }
}

impl BlockHashSource for WitnessSource<'_> {
    /// Knows the parent, the parent's parent, and below that as far as ancestor headers reach.
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        let missing = SourceError::MissingBlockHash(number);
        match self.parent_number.checked_sub(number) {
            Some(0) => Ok(self.parent_hash),
            Some(distance) => {
                // Ancestor `i` names the hash of the block `i + 2` below the parent, the parent itself that of 1 below.
                let ancestors = usize::try_from(distance - 1).map_err(|_| missing.clone())?;
                let hash = *self.older_hashes.get(ancestors).ok_or(missing)?;
                self.ancestors_used
                    .set(self.ancestors_used.get().max(ancestors));
                Ok(hash)
            }
            None => Err(missing),
        }
    }
}

fn find(preimages: &Preimages, used: &[Cell<bool>], hash: B256) -> Result<Bytes, SourceError> {
    let index = preimages
        .position(&hash)
        .ok_or(SourceError::Missing(hash))?;
    used[index].set(true);
    Ok(preimages.0[index].1.clone())
}

/// How many ancestor headers a witness needs whose batch asked for block hashes down to `lowest`: pass
/// [`Recorded::lowest_block_hash`](crate::source::Recorded::lowest_block_hash). Ancestor 0 is the parent's parent.
pub fn ancestors_needed(parent_number: u64, lowest: Option<u64>) -> u64 {
    lowest.map_or(0, |lowest| {
        parent_number.saturating_sub(lowest).saturating_sub(1)
    })
}

/// The parent hash, a header's first field. Only as much of the header is read as the chain of hashes needs: the bytes as a whole
/// are bound by their own hash.
fn parent_hash_of(header: &[u8]) -> Result<B256, WitnessError> {
    let mut rest = header;
    let list = alloy_rlp::Header::decode(&mut rest).map_err(|_| WitnessError::Header)?;
    if !list.list || list.payload_length != rest.len() {
        return Err(WitnessError::Header);
    }
    alloy_rlp::Decodable::decode(&mut rest).map_err(|_| WitnessError::Header)
}
