//! The blocks of a batch sorted by field, so that what is alike stands side by side.
//!
//! Nearly everything in a transfer but its signature and its recipient is what the transaction before it had, in the same
//! field. In order of transactions a compressor pays for saying so, field by field; in order of fields one match covers a
//! hundred transactions.
//!
//! | column | what |
//! |---|---|
//! | `Blocks` | per block five RLP items: timestamp and gas limit as differences to the block before, prevrandao (empty: the same as before), L1 messages, transactions |
//! | `Kinds` | per transaction one byte: its EIP-2718 type, 0x00 for one without, 0xff for bytes of any other form |
//! | one for each field | the field's RLP item, as it stands in the transaction |
//!
//! r and s of a signature are random: they stand apart, 32 bytes each, and are never compressed. A transaction of any other form
//! (0xff) is a whole RLP string in the column `Input`. The stream is the columns in their order, each an RLP string.
//!
//! Reading is the exact inverse for every batch, and fails on what is left over: in the stream, in a column, in the signatures.

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{Decodable, EMPTY_STRING_CODE, Encodable, Error as RlpError, Header};

use super::{BATCH_BLOCKS_MAX, BatchData, BatchDataError, BlockData, TRANSACTION_BYTES_MAX};

/// Bytes of r and s.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// Kind of a transaction that has no type byte.
const LEGACY: u8 = 0x00;
/// Kind of bytes that are kept as they are.
const OPAQUE: u8 = 0xff;
/// Least first byte of an RLP list, with which a transaction without type byte starts.
const LIST_MIN: u8 = 0xc0;

/// The columns in the order of the stream: what repeats, then what is random or long.
#[derive(Clone, Copy)]
enum Column {
    Blocks,
    Kinds,
    ChainId,
    Nonce,
    Tip,
    Price,
    Gas,
    Value,
    Parity,
    AccessList,
    Authorizations,
    To,
    Input,
}
use Column::*;

const COLUMNS: usize = Input as usize + 1;

/// The fields before r and s, by the transaction's kind (Yellow Paper, EIP-2930, EIP-1559, EIP-7702).
fn layout(kind: u8) -> Option<&'static [Column]> {
    let layout: &[Column] = match kind {
        LEGACY => &[Nonce, Price, Gas, To, Value, Input, Parity],
        0x01 => &[
            ChainId, Nonce, Price, Gas, To, Value, Input, AccessList, Parity,
        ],
        0x02 => &[
            ChainId, Nonce, Tip, Price, Gas, To, Value, Input, AccessList, Parity,
        ],
        0x04 => &[
            ChainId,
            Nonce,
            Tip,
            Price,
            Gas,
            To,
            Value,
            Input,
            AccessList,
            Authorizations,
            Parity,
        ],
        _ => return None,
    };
    Some(layout)
}

/// Fields of the longest layout.
const FIELDS_MAX: usize = 11;

/// Blocks sorted by field.
#[derive(Default)]
pub(super) struct Columns {
    columns: [Vec<u8>; COLUMNS],
    /// r and s of each transaction that is not opaque.
    pub(super) signatures: Vec<u8>,
}

impl Columns {
    pub(super) fn of(data: &BatchData) -> Self {
        let mut sorted = Self::default();
        let first = BlockData::default();
        let mut before = &first;
        for block in &data.blocks {
            sorted.add_block(before, block);
            before = block;
        }
        sorted
    }

    /// The stream, in two parts of different statistics.
    pub(super) fn stream(&self) -> [Vec<u8>; 2] {
        let (fields, content) = self.columns.split_at(To as usize);
        [fields, content].map(|columns| {
            let mut stream = Vec::new();
            for column in columns {
                column.as_slice().encode(&mut stream);
            }
            stream
        })
    }

    fn add_block(&mut self, before: &BlockData, block: &BlockData) {
        let column = &mut self.columns[Blocks as usize];
        block
            .timestamp
            .wrapping_sub(before.timestamp)
            .encode(column);
        block
            .gas_limit
            .wrapping_sub(before.gas_limit)
            .encode(column);
        if block.prevrandao == before.prevrandao {
            column.push(EMPTY_STRING_CODE);
        } else {
            block.prevrandao.0.encode(column);
        }
        block.l1_message_count.encode(column);
        (block.transactions.len() as u64).encode(column);
        for raw in &block.transactions {
            self.add_transaction(raw);
        }
    }

    fn add_transaction(&mut self, raw: &[u8]) {
        let Some(parts) = Parts::of(raw) else {
            self.columns[Kinds as usize].push(OPAQUE);
            raw.encode(&mut self.columns[Input as usize]);
            return;
        };
        self.columns[Kinds as usize].push(parts.kind);
        for (column, item) in parts.layout.iter().zip(parts.items) {
            self.columns[*column as usize].extend_from_slice(item);
        }
        self.signatures.extend_from_slice(&parts.signature);
    }
}

/// A signed transaction taken apart.
struct Parts<'a> {
    kind: u8,
    layout: &'static [Column],
    items: Vec<&'a [u8]>,
    signature: [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    /// `None` unless the bytes are exactly what [`Reader::transaction`] would put together again.
    fn of(raw: &'a [u8]) -> Option<Self> {
        let (kind, mut list) = match *raw.first()? {
            LIST_MIN.. => (LEGACY, raw),
            LEGACY => return None,
            kind => (kind, &raw[1..]),
        };
        let layout = layout(kind)?;
        let mut fields = Header::decode_bytes(&mut list, true).ok()?;
        let mut items = Vec::with_capacity(layout.len());
        for _ in layout {
            items.push(item(&mut fields).ok()?);
        }
        let mut signature = [0; SIGNATURE_BYTES];
        let (r, s) = signature.split_at_mut(SIGNATURE_BYTES / 2);
        for word in [r, s] {
            let value = Header::decode_bytes(&mut fields, false).ok()?;
            let start = word.len().checked_sub(value.len())?;
            if value.first() == Some(&0) {
                return None;
            }
            word[start..].copy_from_slice(value);
        }
        (list.is_empty() && fields.is_empty()).then_some(Self {
            kind,
            layout,
            items,
            signature,
        })
    }
}

/// Reads sorted blocks.
struct Reader<'a> {
    columns: [&'a [u8]; COLUMNS],
    signatures: &'a [u8],
}

/// The blocks of a stream of columns and the signatures beside it.
pub(super) fn read(mut stream: &[u8], signatures: &[u8]) -> Result<BatchData, BatchDataError> {
    let mut reader = Reader {
        columns: [&[]; COLUMNS],
        signatures,
    };
    for column in &mut reader.columns {
        *column = Header::decode_bytes(&mut stream, false)?;
    }
    let mut blocks = Vec::new();
    while !reader.columns[Blocks as usize].is_empty() {
        if blocks.len() == BATCH_BLOCKS_MAX {
            return Err(BatchDataError::BlockCount);
        }
        let block = reader.block(blocks.last(), blocks.len())?;
        blocks.push(block);
    }
    if blocks.is_empty() {
        return Err(BatchDataError::BlockCount);
    }
    let rest = [stream, reader.signatures];
    if rest
        .iter()
        .chain(&reader.columns)
        .any(|rest| !rest.is_empty())
    {
        return Err(RlpError::UnexpectedLength.into());
    }
    Ok(BatchData { blocks })
}

impl Reader<'_> {
    fn block(
        &mut self,
        before: Option<&BlockData>,
        block: usize,
    ) -> Result<BlockData, BatchDataError> {
        let (timestamp, gas_limit, prevrandao) = before.map_or_else(Default::default, |before| {
            (before.timestamp, before.gas_limit, before.prevrandao)
        });
        let column = &mut self.columns[Blocks as usize];
        let timestamp = timestamp.wrapping_add(u64::decode(column)?);
        let gas_limit = gas_limit.wrapping_add(u64::decode(column)?);
        let prevrandao = match Header::decode_bytes(column, false)? {
            [] => prevrandao,
            word => B256::try_from(word).map_err(|_| RlpError::UnexpectedLength)?,
        };
        let l1_message_count = u64::decode(column)?;
        let count = u64::decode(column)?;
        let mut transactions = Vec::new();
        // Each takes a byte at least, so that a count which the columns do not have ends there.
        for _ in 0..count {
            let raw = self.transaction(block, transactions.len())?;
            transactions.push(raw);
        }
        Ok(BlockData {
            timestamp,
            gas_limit,
            prevrandao,
            l1_message_count,
            transactions,
        })
    }

    fn transaction(&mut self, block: usize, transaction: usize) -> Result<Bytes, BatchDataError> {
        let too_long = BatchDataError::TransactionLength { block, transaction };
        let kinds = &mut self.columns[Kinds as usize];
        let (&kind, rest) = kinds.split_first().ok_or(RlpError::InputTooShort)?;
        *kinds = rest;
        if kind == OPAQUE {
            let raw = Header::decode_bytes(&mut self.columns[Input as usize], false)?;
            let fits = !raw.is_empty() && raw.len() <= TRANSACTION_BYTES_MAX;
            return fits.then(|| Bytes::copy_from_slice(raw)).ok_or(too_long);
        }
        let layout = layout(kind).ok_or(BatchDataError::Kind { block, transaction })?;
        let mut items: [&[u8]; FIELDS_MAX] = [&[]; FIELDS_MAX];
        let mut payload_length = 0;
        for (field, column) in items.iter_mut().zip(layout) {
            *field = item(&mut self.columns[*column as usize])?;
            payload_length += field.len();
        }
        let signature = self.signatures.split_first_chunk::<SIGNATURE_BYTES>();
        let (signature, rest) = signature.ok_or(RlpError::InputTooShort)?;
        self.signatures = rest;
        let (r, s) = signature.split_at(SIGNATURE_BYTES / 2);
        let (r, s) = (significant(r), significant(s));
        payload_length += r.length() + s.length();

        let header = Header {
            list: true,
            payload_length,
        };
        let length = usize::from(kind != LEGACY) + header.length() + payload_length;
        if length > TRANSACTION_BYTES_MAX {
            return Err(too_long);
        }
        let mut raw = Vec::with_capacity(length);
        if kind != LEGACY {
            raw.push(kind);
        }
        header.encode(&mut raw);
        for field in items {
            raw.extend_from_slice(field);
        }
        r.encode(&mut raw);
        s.encode(&mut raw);
        Ok(raw.into())
    }
}

/// Takes one RLP item, header included, off the front of `buf`.
fn item<'a>(buf: &mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]> {
    let whole = *buf;
    let header = Header::decode(buf)?;
    *buf = &buf[header.payload_length..];
    Ok(&whole[..whole.len() - buf.len()])
}

/// A word as an integer's bytes, without zeros in front.
fn significant(word: &[u8]) -> &[u8] {
    let zeros = word.iter().take_while(|byte| **byte == 0).count();
    &word[zeros..]
}
