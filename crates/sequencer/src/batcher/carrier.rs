//! What carries a batch's data to L1: calldata, which L1 keeps for ever, or a blob, which costs less where there is much data.

use std::{fmt, str::FromStr};

use alloy::providers::Provider;
use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_primitives::B256;
use rollmill_engine::stf::fees::calldata_gas;
use rollmill_l1::{DynProvider, kzg::DataBlob};
use rollmill_protocol::blob::BLOB_DATA_BYTES_MAX;

/// L1 gas of a commit without its data, and without what every transaction takes. A test compares it with receipts.
pub const COMMIT_GAS: u64 = 323_000;
/// L1 gas that a blob's commit takes more than that: two words to store, a value to confirm, its proof as calldata. So is this.
pub const BLOB_COMMIT_GAS: u64 = 100_000;

/// Which of both the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataPolicy {
    /// Calldata.
    #[default]
    Calldata,
    /// A blob; calldata for what no blob holds.
    Blobs,
    /// What costs less when the batch is sealed.
    Auto,
}

impl FromStr for DataPolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "calldata" => Ok(Self::Calldata),
            "blobs" => Ok(Self::Blobs),
            "auto" => Ok(Self::Auto),
            _ => Err("data goes to L1 as `calldata` or as `blobs`, or `auto`"),
        }
    }
}

impl fmt::Display for DataPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calldata => "calldata",
            Self::Blobs => "blobs",
            Self::Auto => "auto",
        })
    }
}

/// The policy for one batch, at L1's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Calldata,
    Blob,
    /// Wei per gas, and per gas of blobs.
    Cheaper {
        gas_wei: u128,
        blob_gas_wei: u128,
    },
}

impl Carrier {
    /// For the next batch. While L1 does not tell its prices it is calldata, which lasts.
    pub(crate) async fn choose(policy: DataPolicy, l1: &DynProvider) -> Self {
        match policy {
            DataPolicy::Calldata => Self::Calldata,
            DataPolicy::Blobs => Self::Blob,
            DataPolicy::Auto => match prices(l1).await {
                Ok((gas_wei, blob_gas_wei)) => Self::Cheaper {
                    gas_wei,
                    blob_gas_wei,
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot ask L1 for its prices: the batch's data will be calldata");
                    Self::Calldata
                }
            },
        }
    }

    /// Versioned hash of the blob that carries this data; zero for calldata.
    pub(crate) fn blob(self, data: &[u8]) -> B256 {
        if !self.takes_blob(data) {
            return B256::ZERO;
        }
        // What no blob holds is calldata.
        DataBlob::new(data).map_or(B256::ZERO, |blob| blob.versioned_hash())
    }

    fn takes_blob(self, data: &[u8]) -> bool {
        if data.len() > BLOB_DATA_BYTES_MAX {
            return false;
        }
        match self {
            Self::Calldata => false,
            Self::Blob => true,
            Self::Cheaper {
                gas_wei,
                blob_gas_wei,
            } => {
                let gas = |gas: u64| u128::from(gas).saturating_mul(gas_wei);
                let blob = u128::from(DATA_GAS_PER_BLOB).saturating_mul(blob_gas_wei);
                gas(calldata_gas_more(data)) > gas(BLOB_COMMIT_GAS).saturating_add(blob)
            }
        }
    }
}

/// L1 gas of a commit's data as calldata. A commit does so much besides that it pays 4 or 16 gas for a byte, and the floor of 10 or
/// 40 only for what that exceeds (EIP-7623).
fn calldata_gas_more(data: &[u8]) -> u64 {
    let floor = calldata_gas(data);
    (floor * 2 / 5).max(floor.saturating_sub(COMMIT_GAS))
}

async fn prices(l1: &DynProvider) -> Result<(u128, u128), alloy::transports::TransportError> {
    Ok((l1.get_gas_price().await?, l1.get_blob_base_fee().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GWEI: u128 = 1_000_000_000;

    #[test]
    fn a_policy_is_named_as_it_is_written() {
        for policy in [DataPolicy::Calldata, DataPolicy::Blobs, DataPolicy::Auto] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert!("blob".parse::<DataPolicy>().is_err());
    }

    #[test]
    fn the_cheaper_one_carries_the_data() {
        let at = |gas_wei, blob_gas_wei| Carrier::Cheaper {
            gas_wei,
            blob_gas_wei,
        };
        // 16 gas for each byte against 100,000 gas: 6,250 bytes.
        let cheap = at(GWEI, 1);
        assert!(!cheap.takes_blob(&vec![1; 6_250]));
        assert!(cheap.takes_blob(&vec![1; 6_251]));
        // Zeros cost a quarter.
        assert!(!cheap.takes_blob(&vec![0; 25_000]));
        assert!(cheap.takes_blob(&vec![0; 25_004]));
        // Blob gas as dear as gas: 100,000 + 131,072 gas, for which 13,851 bytes go at the floor of 40 that exceeds the commit's gas.
        let dear = at(GWEI, GWEI);
        assert!(!dear.takes_blob(&vec![1; 13_851]));
        assert!(dear.takes_blob(&vec![1; 13_852]));
        // Fifty times as dear: no data that a blob holds is worth it.
        assert!(!at(GWEI, 50 * GWEI).takes_blob(&vec![1; 120_000]));
        // The floor counts from where it exceeds what the commit takes anyhow.
        assert_eq!(calldata_gas_more(&vec![1; 10_000]), 160_000);
        assert_eq!(calldata_gas_more(&vec![1; 100_000]), 3_677_000);
    }

    #[test]
    fn what_no_blob_holds_is_calldata() {
        let long = vec![1; BLOB_DATA_BYTES_MAX + 1];
        assert_eq!(Carrier::Blob.blob(&long), B256::ZERO);
        assert!(!Carrier::Blob.blob(&long[1..]).is_zero());
        assert_eq!(Carrier::Calldata.blob(b"data"), B256::ZERO);
    }

    #[tokio::test]
    async fn without_prices_it_is_calldata() {
        use alloy::{providers::ProviderBuilder, transports::mock::Asserter};
        let asserter = Asserter::new();
        let l1 = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_mocked_client(asserter.clone())
            .erased();
        asserter.push_failure_msg("no");
        let carrier = Carrier::choose(DataPolicy::Auto, &l1).await;
        assert_eq!(carrier, Carrier::Calldata);
        asserter.push_success(&"0x3b9aca00");
        asserter.push_success(&"0x1");
        let carrier = Carrier::choose(DataPolicy::Auto, &l1).await;
        let expected = Carrier::Cheaper {
            gas_wei: GWEI,
            blob_gas_wei: 1,
        };
        assert_eq!(carrier, expected);
    }
}
