//! Validity of a header, and what a parent fixes about its child.
//!
//! Two directions, one set of rules: [`next_header`] derives every field of a child that follows from its parent and the
//! builder's choices; [`validate_header`] accepts a given header exactly if its fields follow in that way. Fields that
//! only execution can know (roots, gas used, bloom, requests) are compared after execution in [`crate::import`].

use crate::rules::{Fork, Rules};
use alloc::vec::Vec;
use alloy_consensus::{
    Header,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS},
};
use alloy_eips::{
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip4844::DATA_GAS_PER_BLOB,
    eip4895::Withdrawal,
    eip7685::EMPTY_REQUESTS_HASH,
    eip7825::MAX_TX_GAS_LIMIT_OSAKA,
    eip7840::BlobParams,
};
use alloy_primitives::{Address, B256, Bytes};
use rollmill_protocol::l2::FEE_VAULT;

/// Most bytes of extra data (Yellow Paper, 4.4.1).
pub const EXTRA_DATA_BYTES_MAX: usize = 32;
/// Least gas limit of a block (Yellow Paper, 4.4.4).
pub const GAS_LIMIT_MIN: u64 = 5_000;
/// Largest gas limit of a block: what other clients can represent (2^63 - 1).
pub const GAS_LIMIT_MAX: u64 = i64::MAX as u64;
/// A child's gas limit differs from its parent's by less than one part in this many.
pub const GAS_LIMIT_BOUND_DIVISOR: u64 = 1_024;
/// Most bytes of a block's RLP from Osaka on (EIP-7934).
pub const BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a builder chooses about a block.
#[derive(Clone, Debug, Default)]
pub struct BlockAttributes {
    /// Seconds since the epoch; larger than the parent's.
    pub timestamp: u64,
    /// Fee recipient. Under [`Rules::Rollmill`] it must be [`FEE_VAULT`] (see [`BlockAttributes::rollmill`]).
    pub beneficiary: Address,
    /// Randomness of the block (the header's mix hash).
    pub prev_randao: B256,
    /// Gas limit; within the parent's bounds.
    pub gas_limit: u64,
    /// At most 32 bytes; empty under [`Rules::Rollmill`].
    pub extra_data: Bytes,
    /// Root of the parent beacon block (EIP-4788): some from Cancun on, zero under [`Rules::Rollmill`].
    pub parent_beacon_block_root: Option<B256>,
    /// Withdrawals: some from Shanghai on, empty under [`Rules::Rollmill`].
    pub withdrawals: Option<Vec<Withdrawal>>,
}

impl BlockAttributes {
    /// Attributes of an L2 block: everything that is not chosen is fixed.
    pub fn rollmill(timestamp: u64, prev_randao: B256, gas_limit: u64) -> Self {
        Self {
            timestamp,
            beneficiary: FEE_VAULT,
            prev_randao,
            gas_limit,
            extra_data: Bytes::new(),
            parent_beacon_block_root: Some(B256::ZERO),
            withdrawals: Some(Vec::new()),
        }
    }

    /// The attributes that a given header was built with.
    pub fn of_header(header: &Header, withdrawals: Option<Vec<Withdrawal>>) -> Self {
        Self {
            timestamp: header.timestamp,
            beneficiary: header.beneficiary,
            prev_randao: header.mix_hash,
            gas_limit: header.gas_limit,
            extra_data: header.extra_data.clone(),
            parent_beacon_block_root: header.parent_beacon_block_root,
            withdrawals,
        }
    }
}

/// Why a header is invalid whatever its block contains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It names another parent.
    #[error("parent hash {got} is not the parent's {expected}")]
    ParentHash {
        /// Hash of the parent that was given.
        expected: B256,
        /// Hash that the header names.
        got: B256,
    },
    /// Number is not the parent's plus one.
    #[error("number {got}, expected {expected}")]
    Number {
        /// Parent's plus one.
        expected: u64,
        /// The header's.
        got: u64,
    },
    /// Timestamp is not after the parent's.
    #[error("timestamp {got} is not after the parent's {parent}")]
    Timestamp {
        /// The parent's.
        parent: u64,
        /// The header's.
        got: u64,
    },
    /// Gas limit leaves the bounds that the parent sets.
    #[error("gas limit {got} out of the bounds set by the parent's {parent}")]
    GasLimit {
        /// The parent's.
        parent: u64,
        /// The header's.
        got: u64,
    },
    /// More gas used than allowed.
    #[error("gas used {used} exceeds the limit {limit}")]
    GasUsed {
        /// Claimed gas used.
        used: u64,
        /// Gas limit.
        limit: u64,
    },
    /// Extra data over [`EXTRA_DATA_BYTES_MAX`].
    #[error("{0} bytes of extra data, at most {EXTRA_DATA_BYTES_MAX}")]
    ExtraData(usize),
    /// A field that the Merge fixed (difficulty, nonce, ommers) has another value.
    #[error("{0} must have its fixed value")]
    Fixed(&'static str),
    /// Base fee does not follow from the parent.
    #[error("base fee {got:?}, expected {expected}")]
    BaseFee {
        /// By EIP-1559.
        expected: u64,
        /// The header's.
        got: Option<u64>,
    },
    /// A field of a fork that is not active is present, or one of an active fork is missing.
    #[error("{0} does not belong to the active fork, or is missing from it")]
    Presence(&'static str),
    /// Blob gas is over the block's limit or no multiple of a blob's.
    #[error("blob gas used {0} is impossible")]
    BlobGasUsed(u64),
    /// Excess blob gas does not follow from the parent.
    #[error("excess blob gas {got}, expected {expected}")]
    ExcessBlobGas {
        /// By EIP-4844 or EIP-7918.
        expected: u64,
        /// The header's.
        got: u64,
    },
    /// A field that the rollup fixes has another value.
    #[error("{0} is fixed on this chain")]
    Rollmill(&'static str),
}

/// The child header that follows from `parent` and `attributes`, with the fields that execution fills left empty.
/// A number that wrapped is refused by [`validate_header`]: the parent may come from a witness.
pub fn next_header(
    rules: &Rules,
    parent: &Header,
    parent_hash: B256,
    attributes: &BlockAttributes,
) -> Header {
    let fork = rules.fork(attributes.timestamp);
    let shanghai = fork >= Fork::Shanghai;
    let cancun = fork >= Fork::Cancun;
    Header {
        parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: attributes.beneficiary,
        number: parent.number.wrapping_add(1),
        gas_limit: attributes.gas_limit,
        timestamp: attributes.timestamp,
        extra_data: attributes.extra_data.clone(),
        mix_hash: attributes.prev_randao,
        base_fee_per_gas: Some(next_base_fee(parent)),
        withdrawals_root: shanghai.then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: cancun.then_some(0),
        excess_blob_gas: rules
            .blob_params(attributes.timestamp)
            .map(|params| next_excess_blob_gas(rules, parent, &params)),
        parent_beacon_block_root: if cancun {
            attributes.parent_beacon_block_root
        } else {
            None
        },
        requests_hash: (fork >= Fork::Prague).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// Base fee of the child of `parent` (EIP-1559), in wei per gas.
pub fn next_base_fee(parent: &Header) -> u64 {
    calc_next_block_base_fee(
        parent.gas_used,
        parent.gas_limit,
        parent.base_fee_per_gas.unwrap_or_default(),
        BaseFeeParams::ethereum(),
    )
}

/// Excess blob gas of the child of `parent`, under the child's parameters (EIP-4844, EIP-7918). Zero on the rollup.
fn next_excess_blob_gas(rules: &Rules, parent: &Header, params: &BlobParams) -> u64 {
    if rules.is_rollmill() {
        return 0;
    }
    params.next_block_excess_blob_gas_osaka(
        parent.excess_blob_gas.unwrap_or_default(),
        parent.blob_gas_used.unwrap_or_default(),
        parent.base_fee_per_gas.unwrap_or_default(),
    )
}

/// Checks everything about `header` that does not depend on its block's content.
pub fn validate_header(
    rules: &Rules,
    parent: &Header,
    parent_hash: B256,
    header: &Header,
) -> Result<(), HeaderError> {
    validate_lineage(parent, parent_hash, header)?;
    validate_gas_limit(parent.gas_limit, header.gas_limit)?;
    if header.gas_used > header.gas_limit {
        return Err(HeaderError::GasUsed {
            used: header.gas_used,
            limit: header.gas_limit,
        });
    }
    let extra_data_bytes = header.extra_data.len();
    if extra_data_bytes > EXTRA_DATA_BYTES_MAX {
        return Err(HeaderError::ExtraData(extra_data_bytes));
    }
    validate_fixed(header)?;
    let expected = next_base_fee(parent);
    if header.base_fee_per_gas != Some(expected) {
        return Err(HeaderError::BaseFee {
            expected,
            got: header.base_fee_per_gas,
        });
    }
    validate_presence(rules.fork(header.timestamp), header)?;
    if let Some(params) = rules.blob_params(header.timestamp) {
        validate_blob_gas(rules, parent, &params, header)?;
    }
    if rules.is_rollmill() {
        validate_rollmill(header)
    } else {
        Ok(())
    }
}

fn validate_lineage(
    parent: &Header,
    parent_hash: B256,
    header: &Header,
) -> Result<(), HeaderError> {
    if header.parent_hash != parent_hash {
        return Err(HeaderError::ParentHash {
            expected: parent_hash,
            got: header.parent_hash,
        });
    }
    if Some(header.number) != parent.number.checked_add(1) {
        return Err(HeaderError::Number {
            expected: parent.number.wrapping_add(1),
            got: header.number,
        });
    }
    if header.timestamp <= parent.timestamp {
        return Err(HeaderError::Timestamp {
            parent: parent.timestamp,
            got: header.timestamp,
        });
    }
    Ok(())
}

/// Checks a child's gas limit against its parent's.
pub(crate) fn validate_gas_limit(parent: u64, got: u64) -> Result<(), HeaderError> {
    let in_bounds = parent.abs_diff(got) < parent / GAS_LIMIT_BOUND_DIVISOR || parent == got;
    if in_bounds && (GAS_LIMIT_MIN..=GAS_LIMIT_MAX).contains(&got) {
        Ok(())
    } else {
        Err(HeaderError::GasLimit { parent, got })
    }
}

fn validate_fixed(header: &Header) -> Result<(), HeaderError> {
    if !header.difficulty.is_zero() {
        return Err(HeaderError::Fixed("difficulty"));
    }
    if !header.nonce.is_zero() {
        return Err(HeaderError::Fixed("nonce"));
    }
    if header.ommers_hash != EMPTY_OMMER_ROOT_HASH {
        return Err(HeaderError::Fixed("ommers hash"));
    }
    Ok(())
}

fn validate_presence(fork: Fork, header: &Header) -> Result<(), HeaderError> {
    let fields = [
        (
            header.withdrawals_root.is_some(),
            fork >= Fork::Shanghai,
            "withdrawals root",
        ),
        (
            header.blob_gas_used.is_some(),
            fork >= Fork::Cancun,
            "blob gas used",
        ),
        (
            header.excess_blob_gas.is_some(),
            fork >= Fork::Cancun,
            "excess blob gas",
        ),
        (
            header.parent_beacon_block_root.is_some(),
            fork >= Fork::Cancun,
            "parent beacon block root",
        ),
        (
            header.requests_hash.is_some(),
            fork >= Fork::Prague,
            "requests hash",
        ),
        (
            header.block_access_list_hash.is_some(),
            false,
            "block access list hash",
        ),
        (header.slot_number.is_some(), false, "slot number"),
    ];
    match fields
        .iter()
        .find(|(present, expected, _)| present != expected)
    {
        Some((_, _, field)) => Err(HeaderError::Presence(field)),
        None => Ok(()),
    }
}

fn validate_blob_gas(
    rules: &Rules,
    parent: &Header,
    params: &BlobParams,
    header: &Header,
) -> Result<(), HeaderError> {
    let used = header.blob_gas_used.unwrap_or_default();
    if used > params.max_blob_gas_per_block() || !used.is_multiple_of(DATA_GAS_PER_BLOB) {
        return Err(HeaderError::BlobGasUsed(used));
    }
    let expected = next_excess_blob_gas(rules, parent, params);
    let got = header.excess_blob_gas.unwrap_or_default();
    if got != expected {
        return Err(HeaderError::ExcessBlobGas { expected, got });
    }
    Ok(())
}

/// Fields that have a meaning on L1 only.
fn validate_rollmill(header: &Header) -> Result<(), HeaderError> {
    let fixed = [
        // So that an L1 message, whose gas is at most a transaction's cap, fits into every block.
        (
            header.gas_limit >= MAX_TX_GAS_LIMIT_OSAKA,
            "least gas limit",
        ),
        (header.beneficiary == FEE_VAULT, "fee recipient"),
        (header.extra_data.is_empty(), "extra data"),
        (
            header.parent_beacon_block_root == Some(B256::ZERO),
            "parent beacon block root",
        ),
        (
            header.withdrawals_root == Some(EMPTY_WITHDRAWALS),
            "withdrawals root",
        ),
        (header.blob_gas_used == Some(0), "blob gas used"),
        (
            header.requests_hash == Some(EMPTY_REQUESTS_HASH),
            "requests hash",
        ),
    ];
    match fixed.iter().find(|(holds, _)| !holds) {
        Some((_, field)) => Err(HeaderError::Rollmill(field)),
        None => Ok(()),
    }
}
