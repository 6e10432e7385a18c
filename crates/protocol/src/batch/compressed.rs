//! Version 2 of batch data: `0x02 ++ rlp(column bytes) ++ rlp(signatures) ++ signatures ++ DEFLATE(columns)`.
//!
//! Why so (the numbers are in docs/developer/batch-data.md): what a transaction adds to L1 is its signature, its recipient and a few
//! bytes more, and no compressor makes the first smaller. So signatures stand apart, uncompressed, and cost the proof a copy; the
//! rest is sorted by field ([`super::columns`]) and compressed by DEFLATE (RFC 1951) with a fixed dictionary in its window. One library
//! without `unsafe` writes and reads it, so that the sequencer, every deriving node and the proof run the same code.
//!
//! Bounds, checked before anything is allocated: the bytes that are posted, the columns that they claim to become, and the stream must
//! fill exactly that and end with the data. Not bound: how a stream says it. Two streams for the same columns are two postings of the
//! same blocks.

use alloc::{boxed::Box, vec, vec::Vec};
use core::slice;

use alloy_primitives::hex;
use alloy_rlp::{Decodable, Encodable, Error as RlpError};
use miniz_oxide::{
    deflate::core::{
        CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output,
        create_comp_flags_from_zip_params,
    },
    inflate::{
        TINFLStatus,
        core::{
            DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        },
    },
};

use super::{
    BATCH_COLUMN_BYTES_MAX, BATCH_DATA_VERSION_COMPRESSED, BatchData, BatchDataError,
    columns::{Columns, SIGNATURE_BYTES, read},
};

/// The library's highest.
const LEVEL: i32 = 10;
/// DEFLATE without a wrapper, and its largest window.
const RAW_WINDOW_BITS: i32 = -15;

/// Stands in the window before the first byte: how compiled contracts and calls of tokens begin, so that the first of a batch is
/// compressed as well. Part of version 2, never to be changed.
pub(super) const DICTIONARY: &[u8] = &hex!(
    // Solidity: code that carries metadata ends so.
    "a2646970667358221220" "64736f6c63430008" "0033"
    // Errors: Error(string), Panic(uint256) for overflow, enumeration, index.
    "62461bcd60e51b815260206004820152601060248201526f" "604482015260640160405180910390fd5b"
    "634e487b7160e01b5f52601160045260245ffd5b" "634e487b7160e01b5f52602160045260245ffd5b" "634e487b7160e01b5f52603260045260245ffd5b"
    "634e487b7160e01b600052601160045260246000fd5b"
    // Arithmetic and words.
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "73ffffffffffffffffffffffffffffffffffffffff16" "6001600160a01b0316" "6001600160a01b038116811461" "600160a01b60019003"
    "8082018082111561" "8181038181111561" "9190910390555b"
    // Reading and returning words.
    "3560e01c8063" "1461" "575f5ffd5b" "57600080fd5b" "5f6020828403121561" "565b6040519081526020015b60405180910390f35b" "565b005b"
    "565b604051901515815260200160405180910390f35b" "6040516001600160a01b03909116815260200160405180910390f35b"
    "5f5260205f20" "5f908152602081905260409020" "80546001600160a01b0319166001600160a01b0392909216919091179055" "50505050565b" "9392505050565b"
    // Topics of Transfer and Approval.
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    "7f8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
    // How contracts are created and entered.
    "608060405234801561001057600080fd5b5060" "6080604052348015600e575f5ffd5b5060" "608060405234801561000f575f5ffd5b5060405161"
    "38038061" "83398101604081905261" "8061001c5f395ff3fe6080604052" "6004361061" "575f3560e01c80"
    // Calls: transferFrom, approve, transfer, with the RLP header of their input.
    "b86423b872dd000000000000000000000000" "b844095ea7b3000000000000000000000000"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "0000000000000000000000000000000000000000000000000000000000000001"
    "b844a9059cbb000000000000000000000000"
);

/// `None` when the batch has more than may be decompressed.
pub(super) fn encode(data: &BatchData) -> Option<Vec<u8>> {
    let columns = Columns::of(data);
    let parts = columns.stream();
    let whole = parts.concat();
    if whole.len() > BATCH_COLUMN_BYTES_MAX {
        return None;
    }
    // A second block of codes costs some bytes, and pays from a few dozen transactions on.
    let streams = [
        deflate(DICTIONARY, &parts),
        deflate(DICTIONARY, slice::from_ref(&whole)),
    ];
    let stream = streams.into_iter().min_by_key(Vec::len)?;
    let signatures = &columns.signatures;
    let mut out = vec![BATCH_DATA_VERSION_COMPRESSED];
    (whole.len() as u64).encode(&mut out);
    ((signatures.len() / SIGNATURE_BYTES) as u64).encode(&mut out);
    out.extend_from_slice(signatures);
    out.extend_from_slice(&stream);
    Some(out)
}

/// Reads what follows the version byte.
pub(super) fn decode(mut bytes: &[u8]) -> Result<BatchData, BatchDataError> {
    let length = u64::decode(&mut bytes)?;
    let signatures = u64::decode(&mut bytes)?;
    let bounded = usize::try_from(length).ok();
    let length = bounded
        .filter(|length| *length <= BATCH_COLUMN_BYTES_MAX)
        .ok_or(BatchDataError::Decompressed(length))?;
    let signatures = usize::try_from(signatures).ok();
    let (signatures, stream) = signatures
        .and_then(|count| bytes.split_at_checked(count.checked_mul(SIGNATURE_BYTES)?))
        .ok_or(RlpError::InputTooShort)?;
    let window = inflate(stream, length).ok_or(BatchDataError::Deflate)?;
    read(&window[DICTIONARY.len()..], signatures)
}

/// The dictionary and `length` bytes after it, if the stream makes exactly that many.
fn inflate(stream: &[u8], length: usize) -> Option<Vec<u8>> {
    let start = DICTIONARY.len();
    let mut window = Vec::with_capacity(start + length);
    window.extend_from_slice(DICTIONARY);
    window.resize(start + length, 0);
    // On the stack: the proof would pay for building it there, for a copy to the heap, and for the memory of both.
    let mut state = DecompressorOxide::new();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(&mut state, stream, &mut window, start, flags);
    let whole = status == TINFLStatus::Done && read == stream.len() && written == length;
    whole.then_some(window)
}

/// One stream that decompresses, after `dictionary`, to `parts`, each coded by its own statistics.
pub(super) fn deflate(dictionary: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let strategy = CompressionStrategy::Default as i32;
    let flags = create_comp_flags_from_zip_params(LEVEL, RAW_WINDOW_BITS, strategy);
    let mut state = Box::new(CompressorOxide::new(flags));
    // The dictionary is compressed first, up to a byte boundary, and what that gives is dropped: what follows goes on with it in the
    // window, as the reader does.
    compress_to_output(&mut state, dictionary, TDEFLFlush::Sync, |_| true);
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        let flush = if index == last {
            TDEFLFlush::Finish
        } else {
            TDEFLFlush::Sync
        };
        compress_to_output(&mut state, part, flush, |bytes| {
            out.extend_from_slice(bytes);
            true
        });
    }
    out
}
