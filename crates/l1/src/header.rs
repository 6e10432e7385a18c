//! RLP of L1 headers, which the Rollup contract takes as proof of a beacon (`storeBeacon`).

use alloy::{
    consensus::Header,
    primitives::{B256, Bytes, keccak256},
    providers::{DynProvider, Provider},
    rlp,
    transports::TransportError,
};

/// A header cannot be proven.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The endpoint did not answer; try again.
    #[error("cannot read L1 block {number}")]
    Rpc {
        /// The block asked for.
        number: u64,
        /// Why.
        source: TransportError,
    },
    /// The block does not exist (yet); try again.
    #[error("L1 has no block {number}")]
    Missing {
        /// The block asked for.
        number: u64,
    },
    /// The endpoint's fields do not hash to the block's hash: it has header fields that this software does not know.
    #[error("the header of L1 block {number} hashes to {computed}, its endpoint says {stated}")]
    Hash {
        /// The block asked for.
        number: u64,
        /// keccak256 of the encoded header.
        computed: B256,
        /// The endpoint's hash.
        stated: B256,
    },
}

/// The RLP of L1 header `number` and the header itself; the RLP hashes to the block's hash.
pub async fn header_rlp(
    provider: &DynProvider,
    number: u64,
) -> Result<(Bytes, Header), HeaderError> {
    let block = provider
        .get_block_by_number(number.into())
        .await
        .map_err(|source| HeaderError::Rpc { number, source })?
        .ok_or(HeaderError::Missing { number })?;
    encode(number, block.header.hash, block.header.inner)
}

fn encode(number: u64, stated: B256, header: Header) -> Result<(Bytes, Header), HeaderError> {
    let encoded = rlp::encode(&header);
    let computed = keccak256(&encoded);
    if computed != stated {
        return Err(HeaderError::Hash {
            number,
            computed,
            stated,
        });
    }
    Ok((encoded.into(), header))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::{consensus::Header, primitives::B256};

    use super::{HeaderError, encode};

    #[test]
    fn a_header_that_does_not_hash_to_its_block_is_refused() {
        let header = Header {
            number: 7,
            mix_hash: B256::repeat_byte(3),
            ..Header::default()
        };
        let hash = header.hash_slow();
        let (_, same) = encode(7, hash, header.clone()).unwrap();
        assert_eq!(same, header);
        let changed = Header {
            mix_hash: B256::ZERO,
            ..header
        };
        assert!(matches!(
            encode(7, hash, changed),
            Err(HeaderError::Hash { .. })
        ));
    }
}
