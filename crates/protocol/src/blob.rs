//! A batch's data in a blob of EIP-4844, and what binds a proof to that blob.
//!
//! Layout: `length (4 bytes, little-endian) ++ data`, filled up with zeros, is cut into 4,096 pieces of 31 bytes. Each is a number below
//! the field's modulus (little-endian), and these numbers are the *coefficients* of a polynomial. The blob is what EIP-4844 makes
//! of a polynomial: its values at the 4,096 roots of unity. So data has one blob, and a blob is that of one data or of none.
//!
//! Binding: the proof knows the data, L1 knows the blob's commitment. Both compute [`point`] z from the versioned hash and the data's
//! hash; the proof evaluates the data's polynomial at z ([`BlobBinding::new`]), L1 has the precompile of EIP-4844 confirm that
//! the blob's has the same value y there.
//!
//! SOUNDNESS: two different polynomials of degree below 4,096 agree in fewer than 4,096 of some 2^255 points. z is a hash of what
//! fixes both, so whoever wants them to differ can only try pair after pair, each with a chance of 2^-243.
//!
//! Coefficients, and not values as in other rollups, because the proof is what costs: evaluating coefficients takes one product for 31
//! bytes, evaluating values takes about six. The transform between both is left to the host.

mod field;
#[cfg(test)]
mod tests;
mod transform;

use alloc::vec::Vec;
use alloy_primitives::{B256, U256};

use self::field::{Factor, Scalar};
use crate::words::{Words, tag};

const POINT_TAG: B256 = tag("rollmill.blob.v1");

/// Bytes of a blob.
pub const BLOB_BYTES: usize = ELEMENTS * ELEMENT_BYTES;
/// Most bytes of data that a blob holds.
pub const BLOB_DATA_BYTES_MAX: usize = ELEMENTS * PIECE_BYTES - LENGTH_BYTES;

const ELEMENTS: usize = 4_096;
const ELEMENT_BYTES: usize = 32;
const PIECE_BYTES: usize = 31;
const LENGTH_BYTES: usize = 4;

/// Why data has no blob, or a blob no data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Over [`BLOB_DATA_BYTES_MAX`].
    #[error("{0} bytes of data do not fit a blob, which holds {BLOB_DATA_BYTES_MAX}")]
    TooLong(usize),
    /// Not [`BLOB_BYTES`].
    #[error("a blob has {BLOB_BYTES} bytes, not {0}")]
    Size(usize),
    /// EIP-4844 has no such blob.
    #[error("element {0} of the blob is not below the modulus")]
    Element(usize),
    /// Its polynomial is not that of any data.
    #[error("coefficient {0} of the blob's polynomial is longer than {PIECE_BYTES} bytes")]
    Coefficient(usize),
    /// The length says more than a blob holds.
    #[error("the blob claims {0} bytes of data")]
    Length(u32),
    /// Something stands behind the data.
    #[error("byte {0} behind the blob's data is not zero")]
    Trailing(usize),
}

/// What binds a proof to the blob with the data: words 15 to 17 of the public values. All zero when the data is calldata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobBinding {
    /// Versioned hash of the blob.
    pub versioned_hash: B256,
    /// Where both polynomials are evaluated.
    pub z: B256,
    /// The value of the data's polynomial there.
    pub y: B256,
}

impl BlobBinding {
    /// Binds `data`, whose Keccak-256 is `data_commitment`, to the blob of this versioned hash. Whether that blob holds the data is what
    /// L1 finds out.
    ///
    /// # Errors
    /// [`BlobError::TooLong`].
    pub fn new(
        versioned_hash: B256,
        data: &[u8],
        data_commitment: B256,
    ) -> Result<Self, BlobError> {
        let z = point(versioned_hash, data_commitment);
        let at = Factor::from(Scalar::reduced(z.into()));
        let coefficients = coefficients(data)?;
        let y = coefficients.rev().fold(Scalar::ZERO, |sum, c| sum * at + c);
        Ok(Self {
            versioned_hash,
            z,
            y: y.into(),
        })
    }
}

/// `H("rollmill.blob.v1", versioned hash, data commitment)` modulo the field's modulus.
pub fn point(versioned_hash: B256, data_commitment: B256) -> B256 {
    let hash = Words::tagged(POINT_TAG)
        .bytes32(versioned_hash)
        .bytes32(data_commitment)
        .hash();
    Scalar::reduced(hash.into()).into()
}

/// How many coefficients data of this length has: what evaluating it costs.
pub const fn coefficient_count(data_bytes: usize) -> usize {
    (LENGTH_BYTES + data_bytes).div_ceil(PIECE_BYTES)
}

/// The blob of this data.
///
/// # Errors
/// [`BlobError::TooLong`].
pub fn pack(data: &[u8]) -> Result<Vec<u8>, BlobError> {
    let mut elements: Vec<Scalar> = coefficients(data)?.collect();
    elements.resize(ELEMENTS, Scalar::ZERO);
    transform::values(&mut elements);
    let mut blob = Vec::with_capacity(BLOB_BYTES);
    for element in elements {
        blob.extend_from_slice(B256::from(element).as_slice());
    }
    Ok(blob)
}

/// The data of this blob. Total: never a panic, whatever the bytes are.
///
/// # Errors
/// Any [`BlobError`] but the first: the blob is that of no data.
pub fn unpack(blob: &[u8]) -> Result<Vec<u8>, BlobError> {
    if blob.len() != BLOB_BYTES {
        return Err(BlobError::Size(blob.len()));
    }
    let numbers = blob.chunks_exact(ELEMENT_BYTES).map(U256::from_be_slice);
    let elements = numbers
        .enumerate()
        .map(|(index, number)| Scalar::new(number).ok_or(BlobError::Element(index)));
    let mut elements: Vec<Scalar> = elements.collect::<Result<_, _>>()?;
    transform::coefficients(&mut elements);
    let mut bytes = Vec::with_capacity(ELEMENTS * PIECE_BYTES);
    for (index, coefficient) in elements.into_iter().enumerate() {
        let piece = coefficient.number().to_le_bytes::<ELEMENT_BYTES>();
        if piece[PIECE_BYTES] != 0 {
            return Err(BlobError::Coefficient(index));
        }
        bytes.extend_from_slice(&piece[..PIECE_BYTES]);
    }
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let end = LENGTH_BYTES.saturating_add(length as usize);
    let behind = bytes.get(end..).ok_or(BlobError::Length(length))?;
    if let Some(at) = behind.iter().position(|byte| *byte != 0) {
        return Err(BlobError::Trailing(at));
    }
    bytes.truncate(end);
    bytes.drain(..LENGTH_BYTES);
    Ok(bytes)
}

/// The coefficients of the data's polynomial, from that of the lowest power on; what is behind the last is zero.
fn coefficients(data: &[u8]) -> Result<impl DoubleEndedIterator<Item = Scalar>, BlobError> {
    if data.len() > BLOB_DATA_BYTES_MAX {
        return Err(BlobError::TooLong(data.len()));
    }
    let (with_length, rest) = data.split_at(data.len().min(PIECE_BYTES - LENGTH_BYTES));
    let mut first = [0; PIECE_BYTES];
    first[..LENGTH_BYTES].copy_from_slice(&(data.len() as u32).to_le_bytes());
    first[LENGTH_BYTES..][..with_length.len()].copy_from_slice(with_length);
    let others = rest.chunks(PIECE_BYTES).map(Scalar::of_piece);
    Ok(core::iter::once(Scalar::of_piece(&first)).chain(others))
}

impl Scalar {
    /// INVARIANT: 31 bytes are below the modulus, whatever they are.
    fn of_piece(piece: &[u8]) -> Self {
        let mut bytes = [0; ELEMENT_BYTES];
        bytes[..piece.len()].copy_from_slice(piece);
        Self::below_modulus(U256::from_le_bytes(bytes))
    }
}
