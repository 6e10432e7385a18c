//! Which calls of L2's JSON-RPC the page may make: those that read, and of those that can cost the node something only small ones.

use alloy_primitives::{Address, B256, Bytes, U64};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Methods that read what is there, whatever their parameters.
const METHODS: [&str; 16] = [
    "eth_blockNumber",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "rollmill_getAddressTransactions",
    "rollmill_getBatch",
    "rollmill_getBatchByBlock",
    "rollmill_getTransactionFees",
    "rollmill_getTransactionStatus",
    "rollmill_getWithdrawalProof",
    "rollmill_sequencerInfo",
    "txpool_status",
];

/// Most gas of a question to a contract: a token's name, not a computation.
const VIEW_GAS_MAX: u64 = 200_000;
/// Most blocks that are searched for logs.
const LOG_BLOCKS_MAX: u64 = 10_000;

/// A JSON-RPC request, as far as it is looked at here.
#[derive(Debug, Deserialize)]
pub(super) struct Call<'a> {
    method: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// The first parameter of `eth_call`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    #[serde(rename = "to")]
    _to: Address,
    #[serde(rename = "data")]
    _data: Bytes,
    gas: U64,
}

/// The parameter of `eth_getLogs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Logs {
    from_block: U64,
    to_block: U64,
    #[serde(rename = "address")]
    _address: Option<Address>,
    /// Not a word: it says which logs, and there are none without.
    #[serde(rename = "topics")]
    _topics: Vec<Option<B256>>,
}

impl Call<'_> {
    /// Whether the page may make it.
    pub(super) fn is_allowed(&self) -> bool {
        match self.method {
            "eth_call" => self.params().is_some_and(|(view, tag): (View, String)| {
                view.gas <= U64::from(VIEW_GAS_MAX) && tag == "latest"
            }),
            "eth_getLogs" => self.params().is_some_and(|(logs,): (Logs,)| {
                let blocks = logs.to_block.saturating_sub(logs.from_block);
                blocks < U64::from(LOG_BLOCKS_MAX)
            }),
            method => METHODS.contains(&method),
        }
    }

    fn params<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.params?.get()).ok()
    }
}
