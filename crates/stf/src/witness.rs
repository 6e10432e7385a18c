//! The witness: everything that the guest needs besides its identity, as one byte string.
//!
//! Model: a witness states a claim's context ([`StatementContext`]), the parent header that the claim starts from, and
//! the preimages on which the batch depends: trie nodes and codes of the pre-state, ancestor headers, the batch data, the L1
//! messages. [`Witness::decode`] slices the bytes without copying and hashes each node, code and header once;
//! [`WitnessSource`] then answers the state transition by hash and notes what was used.
//!
//! SOUNDNESS: nothing in here is trusted because it is in here. Nodes and codes are found under their own hash, the
//! ancestors must chain to the parent by hash, and the parent's hash, the data's commitment, the messages' rolling hash and every
//! field of the context are public values, which L1 compares.
//!
//! Layout: little-endian 32-bit words; every variable item is a length in bytes, the bytes, and zeros up to the next
//! word, so that each item starts on a word of the buffer.
//!
//! | part | content |
//! |---|---|
//! | version | byte 1, or 2 where the data is in a blob; three zero bytes |
//! | context | program version, fork id, schedule id: one word each; L1 chain id, L2 chain id, batch: two words each; rollup: 20 bytes; previous message hash: 32 bytes; in version 2 alone, the blob's versioned hash: 32 bytes, not all zero |
//! | parent | item: RLP of the header |
//! | ancestors | count; items: RLP of the headers from the parent's parent down |
//! | nodes | count; items: RLP, strictly ascending by hash |
//! | codes | count; items, strictly ascending by hash |
//! | data | item: batch data |
//! | messages | count; each: index, gas limit (two words each), sender, to (20 bytes each), mint, value (32 bytes each, big-endian), item: data |
//!
//! The encoding is canonical: a witness has one byte string, and a byte string that decodes is that of its witness.

mod source;
#[cfg(test)]
mod tests;

pub use source::{WitnessSource, ancestors_needed};

use crate::source::Recorded;
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use rollmill_protocol::L1Message;

/// First byte of a witness whose data is calldata.
pub const WITNESS_VERSION: u8 = 1;
/// First byte of a witness whose data is in a blob.
pub const WITNESS_VERSION_BLOB: u8 = 2;
/// Longest witness that is decoded. A batch of full blocks needs a few MiB.
pub const WITNESS_BYTES_MAX: usize = 64 << 20;

const WORD_BYTES: usize = 4;

/// Why bytes are no witness, or a witness is not exactly what a batch needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// Longer than [`WITNESS_BYTES_MAX`].
    #[error("witness of {0} bytes is too long")]
    TooLong(usize),
    /// The first word is that of no version.
    #[error("not a witness of version {WITNESS_VERSION} or {WITNESS_VERSION_BLOB}")]
    Version,
    /// Version 2 without a blob.
    #[error("a witness of version {WITNESS_VERSION_BLOB} names no blob")]
    NoBlob,
    /// The bytes end inside an item.
    #[error("witness is truncated at byte {0}")]
    Truncated(usize),
    /// Bytes that fill up a word are not zero.
    #[error("padding at byte {0} is not zero")]
    Padding(usize),
    /// Bytes behind the last item.
    #[error("{0} bytes behind the end of the witness")]
    Trailing(usize),
    /// Items are not strictly ascending by hash: unsorted, or one is there twice.
    #[error("{part} {index} is out of order")]
    Order {
        /// Which list.
        part: WitnessPart,
        /// Position in the list.
        index: usize,
    },
    /// A header does not begin as a header must.
    #[error("malformed header")]
    Header,
    /// An ancestor header is not the parent of the one before it.
    #[error("ancestor header {0} does not chain")]
    Ancestor(usize),
    /// An item that the batch did not need.
    #[error("{part} {index} is superfluous")]
    Superfluous {
        /// Which list.
        part: WitnessPart,
        /// Position in the list.
        index: usize,
    },
}

/// The lists of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WitnessPart {
    /// Trie nodes.
    Node,
    /// Codes.
    Code,
    /// Ancestor headers.
    Header,
    /// L1 messages.
    Message,
}

impl core::fmt::Display for WitnessPart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Node => "node",
            Self::Code => "code",
            Self::Header => "ancestor header",
            Self::Message => "L1 message",
        })
    }
}

/// What a claim says about itself before anything is executed. All of it becomes public values; task id and first and last
/// batch follow from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementContext {
    /// Row of the program table on L1.
    pub program_version: u32,
    /// Rules of execution.
    pub fork_id: u32,
    /// Schedule by which prover gas is counted.
    pub schedule_id: u32,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// Number of the batch.
    pub batch: u64,
    /// The Rollup contract on L1.
    pub rollup: Address,
    /// Rolling hash of the L1 messages before the batch.
    pub previous_message_hash: B256,
    /// Versioned hash of the blob with the data; zero when the data is calldata.
    pub blob_versioned_hash: B256,
}

impl StatementContext {
    /// Which layout a witness of this statement has.
    fn version(&self) -> u8 {
        if self.blob_versioned_hash.is_zero() {
            WITNESS_VERSION
        } else {
            WITNESS_VERSION_BLOB
        }
    }
}

/// Byte strings with their Keccak-256, strictly ascending by hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preimages(Vec<(B256, Bytes)>);

impl Preimages {
    /// The preimages, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.0.iter().map(|(_, bytes)| bytes)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Searches by the first word alone: comparing whole hashes costs several times as much, and the word all but decides.
    fn position(&self, hash: &B256) -> Option<usize> {
        let first_word = |hash: &B256| u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        let wanted = first_word(hash);
        let start = self.0.partition_point(|(own, _)| first_word(own) < wanted);
        let same_word = self.0[start..]
            .iter()
            .take_while(|(own, _)| first_word(own) == wanted);
        same_word
            .enumerate()
            .find_map(|(index, (own, _))| (own == hash).then_some(start + index))
    }
}

/// Takes the hashes as given.
impl From<BTreeMap<B256, Bytes>> for Preimages {
    fn from(preimages: BTreeMap<B256, Bytes>) -> Self {
        Self(preimages.into_iter().collect())
    }
}

/// Hashes, sorts and drops repetitions.
impl FromIterator<Bytes> for Preimages {
    fn from_iter<T: IntoIterator<Item = Bytes>>(preimages: T) -> Self {
        preimages
            .into_iter()
            .map(|bytes| (keccak256(&bytes), bytes))
            .collect::<BTreeMap<_, _>>()
            .into()
    }
}

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// What the claim is about.
    pub context: StatementContext,
    /// RLP of the header of the block before the batch.
    pub parent_header: Bytes,
    /// RLP of the headers from the parent's parent down.
    pub ancestors: Vec<Bytes>,
    /// Trie nodes of the pre-state.
    pub nodes: Preimages,
    /// Codes of the pre-state.
    pub codes: Preimages,
    /// Batch data.
    pub batch_data: Bytes,
    /// The L1 messages that the batch executes, in order.
    pub messages: Vec<L1Message>,
}

impl Witness {
    /// Sets nodes and codes to what a run of the batch asked for. (The ancestors are the caller's: it has the headers.)
    pub fn with_recorded(mut self, recorded: Recorded) -> Self {
        self.nodes = recorded.nodes.into();
        self.codes = recorded.codes.into();
        self
    }

    /// The byte string of this witness.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        let context = &self.context;
        out.0.extend_from_slice(&[context.version(), 0, 0, 0]);
        out.u32(context.program_version);
        out.u32(context.fork_id);
        out.u32(context.schedule_id);
        out.u64(context.l1_chain_id);
        out.u64(context.l2_chain_id);
        out.u64(context.batch);
        out.0.extend_from_slice(context.rollup.as_slice());
        out.0
            .extend_from_slice(context.previous_message_hash.as_slice());
        if context.version() == WITNESS_VERSION_BLOB {
            out.0
                .extend_from_slice(context.blob_versioned_hash.as_slice());
        }
        out.item(&self.parent_header);
        out.items(self.ancestors.iter());
        out.items(self.nodes.iter());
        out.items(self.codes.iter());
        out.item(&self.batch_data);
        out.length(self.messages.len());
        for message in &self.messages {
            out.u64(message.index);
            out.u64(message.gas_limit);
            out.0.extend_from_slice(message.sender.as_slice());
            out.0.extend_from_slice(message.to.as_slice());
            out.0.extend_from_slice(&message.mint.to_be_bytes::<32>());
            out.0.extend_from_slice(&message.value.to_be_bytes::<32>());
            out.item(&message.data);
        }
        out.0
    }

    /// Reads a witness. The items are slices of `bytes`. Total and bounded: it never panics, and never allocates more than the
    /// length of `bytes` justifies.
    pub fn decode(bytes: Bytes) -> Result<Self, WitnessError> {
        if bytes.len() > WITNESS_BYTES_MAX {
            return Err(WitnessError::TooLong(bytes.len()));
        }
        let mut input = Reader {
            bytes: &bytes,
            at: 0,
        };
        let witness = Self {
            context: input.context()?,
            parent_header: input.item()?,
            ancestors: input.items(|_, item| Ok(item))?,
            nodes: input.preimages(WitnessPart::Node)?,
            codes: input.preimages(WitnessPart::Code)?,
            batch_data: input.item()?,
            messages: input.messages()?,
        };
        match bytes.len() - input.at {
            0 => Ok(witness),
            trailing => Err(WitnessError::Trailing(trailing)),
        }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).expect("nothing in a witness is longer than 4 GiB"));
    }

    fn item(&mut self, item: &[u8]) {
        self.length(item.len());
        self.0.extend_from_slice(item);
        self.0.resize(self.0.len().next_multiple_of(WORD_BYTES), 0);
    }

    fn items<'a>(&mut self, items: impl ExactSizeIterator<Item = &'a Bytes>) {
        self.length(items.len());
        items.for_each(|item| self.item(item));
    }
}

/// Reads from `at`, which is always a multiple of the word.
struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WitnessError> {
        let array = self.bytes[self.at..]
            .first_chunk()
            .ok_or(WitnessError::Truncated(self.at))?;
        self.at += N;
        Ok(*array)
    }

    /// The version and the context.
    fn context(&mut self) -> Result<StatementContext, WitnessError> {
        let has_blob = match self.array()? {
            [WITNESS_VERSION, 0, 0, 0] => false,
            [WITNESS_VERSION_BLOB, 0, 0, 0] => true,
            _ => return Err(WitnessError::Version),
        };
        let context = StatementContext {
            program_version: self.u32()?,
            fork_id: self.u32()?,
            schedule_id: self.u32()?,
            l1_chain_id: self.u64()?,
            l2_chain_id: self.u64()?,
            batch: self.u64()?,
            rollup: Address(self.array()?.into()),
            previous_message_hash: B256::new(self.array()?),
            blob_versioned_hash: if has_blob {
                B256::new(self.array()?)
            } else {
                B256::ZERO
            },
        };
        if has_blob && context.blob_versioned_hash.is_zero() {
            return Err(WitnessError::NoBlob);
        }
        Ok(context)
    }

    fn u32(&mut self) -> Result<u32, WitnessError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, WitnessError> {
        self.array().map(u64::from_le_bytes)
    }

    fn item(&mut self) -> Result<Bytes, WitnessError> {
        let length = self.u32()? as usize;
        let rest = self.bytes.len() - self.at;
        // The comparison comes first, so that rounding up cannot overflow.
        if length > rest || length.next_multiple_of(WORD_BYTES) > rest {
            return Err(WitnessError::Truncated(self.at));
        }
        let end = self.at + length;
        let next = self.at + length.next_multiple_of(WORD_BYTES);
        if self.bytes[end..next].iter().any(|byte| *byte != 0) {
            return Err(WitnessError::Padding(end));
        }
        let item = self.bytes.slice(self.at..end);
        self.at = next;
        Ok(item)
    }

    /// A count, checked against what is left: an element takes at least `bytes_min`.
    fn count(&mut self, bytes_min: usize) -> Result<usize, WitnessError> {
        let count = self.u32()? as usize;
        if count > (self.bytes.len() - self.at) / bytes_min {
            return Err(WitnessError::Truncated(self.at));
        }
        Ok(count)
    }

    fn items<T>(
        &mut self,
        mut read: impl FnMut(usize, Bytes) -> Result<T, WitnessError>,
    ) -> Result<Vec<T>, WitnessError> {
        let count = self.count(WORD_BYTES)?;
        let mut items = Vec::with_capacity(count);
        for index in 0..count {
            let item = self.item()?;
            items.push(read(index, item)?);
        }
        Ok(items)
    }

    fn preimages(&mut self, part: WitnessPart) -> Result<Preimages, WitnessError> {
        let mut last = None;
        let preimages = self.items(|index, item| {
            let hash = keccak256(&item);
            if last.replace(hash).is_some_and(|last| last >= hash) {
                return Err(WitnessError::Order { part, index });
            }
            Ok((hash, item))
        })?;
        Ok(Preimages(preimages))
    }

    fn messages(&mut self) -> Result<Vec<L1Message>, WitnessError> {
        const MESSAGE_BYTES_MIN: usize = 8 + 8 + 20 + 20 + 32 + WORD_BYTES;
        let count = self.count(MESSAGE_BYTES_MIN)?;
        let mut messages = Vec::with_capacity(count);
        for _ in 0..count {
            messages.push(L1Message {
                index: self.u64()?,
                gas_limit: self.u64()?,
                sender: Address(self.array()?.into()),
                to: Address(self.array()?.into()),
                mint: U256::from_be_bytes(self.array::<32>()?),
                value: U256::from_be_bytes(self.array::<32>()?),
                data: self.item()?,
            });
        }
        Ok(messages)
    }
}
