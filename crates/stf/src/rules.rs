//! Which chain a block belongs to, and therefore which rules make it valid.
//!
//! Model: [`Rules`] is a value that a caller builds once per chain and passes to every execution. It answers three
//! questions for a timestamp: which hard fork's EVM runs ([`Rules::fork`]), what blobs cost ([`Rules::blob_params`]) and
//! which chain id signatures carry. Everything else that distinguishes the two families is decided by matching on it.
//!
//! - [`Rules::Ethereum`]: the L1 rules from the Merge on (the Merge itself and everything before it is not supported:
//!   no consensus by work, no block rewards). The embedded L1 and Ethereum's own fixtures run under them.
//! - [`Rules::Rollmill`]: the L2. The EVM is that of the latest L1 fork; header fields that only make sense on L1 are
//!   fixed; L1-message transactions exist; blob transactions do not.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use alloy_eips::{eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7840::BlobParams};
use alloy_primitives::{Address, Bytes};
use core::fmt;
use revm::primitives::hardfork::SpecId;

/// Hard forks whose block rules this crate knows, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fork {
    /// The Merge: no withdrawals, no blobs.
    Paris,
    /// Withdrawals (EIP-4895).
    Shanghai,
    /// Blobs (EIP-4844) and beacon roots (EIP-4788).
    Cancun,
    /// Requests (EIP-7685), block-hash history (EIP-2935), set-code transactions (EIP-7702).
    Prague,
    /// Transaction gas cap (EIP-7825), block size cap (EIP-7934), bounded blob fee (EIP-7918).
    Osaka,
}

impl Fork {
    /// The EVM specification of this fork.
    pub const fn spec(self) -> SpecId {
        match self {
            Self::Paris => SpecId::MERGE,
            Self::Shanghai => SpecId::SHANGHAI,
            Self::Cancun => SpecId::CANCUN,
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }

    /// Blob parameters that come with the fork itself; `None` before blobs existed.
    pub const fn blob_params(self) -> Option<BlobParams> {
        match self {
            Self::Paris | Self::Shanghai => None,
            Self::Cancun => Some(BlobParams::cancun()),
            Self::Prague => Some(BlobParams::prague()),
            Self::Osaka => Some(BlobParams::osaka()),
        }
    }
}

/// A precompile that exists on one chain only: `(input, gas limit) -> outcome`.
pub type ChainPrecompileFn = dyn Fn(&[u8], u64) -> ChainPrecompileOutcome + Send + Sync;

/// What a [`ChainPrecompileFn`] reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainPrecompileOutcome {
    /// The call succeeds with this output after using this much gas (never more than the limit, or it runs out).
    Success {
        /// Gas charged.
        gas_used: u64,
        /// Return data.
        output: Bytes,
    },
    /// The call fails and all its gas is used up.
    OutOfGas,
}

/// Chain-specific precompiles by address; empty on every chain but the embedded L1.
#[derive(Clone, Default)]
pub struct ChainPrecompiles(BTreeMap<Address, Arc<ChainPrecompileFn>>);

impl ChainPrecompiles {
    /// Adds (or replaces) the precompile at `address`.
    pub fn with(mut self, address: Address, run: Arc<ChainPrecompileFn>) -> Self {
        self.0.insert(address, run);
        self
    }

    /// The precompile at `address`, if there is one.
    pub fn at(&self, address: &Address) -> Option<&ChainPrecompileFn> {
        self.0.get(address).map(AsRef::as_ref)
    }

    /// The addresses that hold a chain-specific precompile.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.0.keys()
    }

    /// Whether the chain has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for ChainPrecompiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Ethereum's rules: a fork schedule by timestamp, and what a network configures.
#[derive(Clone, Debug)]
pub struct EthereumRules {
    /// Chain id of replay-protected signatures and of the `CHAINID` instruction.
    pub chain_id: u64,
    /// `(activation timestamp in seconds, fork)`, ascending; the first entry is active from genesis.
    pub forks: Vec<(u64, Fork)>,
    /// `(activation timestamp in seconds, parameters)`, ascending: overrides of the forks' own blob parameters, as in
    /// EIP-7892. The latest active one of both lists counts.
    pub blob_schedule: Vec<(u64, BlobParams)>,
    /// The contract whose logs are deposit requests (EIP-6110).
    pub deposit_contract: Address,
    /// Precompiles of this chain alone.
    pub precompiles: ChainPrecompiles,
}

impl EthereumRules {
    /// Rules of a chain that runs `fork` from genesis on, with the mainnet deposit contract.
    pub fn at_fork(chain_id: u64, fork: Fork) -> Self {
        Self::with_forks(chain_id, alloc::vec![(0, fork)])
    }

    /// Rules of a chain with this fork schedule (ascending; the first entry is active from genesis).
    pub fn with_forks(chain_id: u64, forks: Vec<(u64, Fork)>) -> Self {
        Self {
            chain_id,
            forks,
            blob_schedule: Vec::new(),
            deposit_contract: MAINNET_DEPOSIT_CONTRACT_ADDRESS,
            precompiles: ChainPrecompiles::default(),
        }
    }

    fn active(&self, timestamp: u64) -> (u64, Fork) {
        let active = self.forks.iter().rev().find(|(at, _)| *at <= timestamp);
        *active.or(self.forks.first()).unwrap_or(&(0, Fork::Osaka))
    }

    fn blob_params(&self, timestamp: u64) -> Option<BlobParams> {
        let (fork_at, fork) = self.active(timestamp);
        let own = fork.blob_params()?;
        let scheduled = self
            .blob_schedule
            .iter()
            .rev()
            .find(|(at, _)| *at <= timestamp);
        Some(match scheduled {
            Some((at, params)) if *at >= fork_at => *params,
            _ => own,
        })
    }
}

/// The L2's rules. The fork is not scheduled: a new one is a new program version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollmillRules {
    /// Chain id of the L2.
    pub chain_id: u64,
}

impl RollmillRules {
    /// The EVM that L2 blocks run on.
    pub const FORK: Fork = Fork::Osaka;
}

/// The rules of a chain.
#[derive(Clone, Debug)]
pub enum Rules {
    /// An Ethereum L1.
    Ethereum(EthereumRules),
    /// The rollup.
    Rollmill(RollmillRules),
}

impl Rules {
    /// The chain id.
    pub const fn chain_id(&self) -> u64 {
        match self {
            Self::Ethereum(rules) => rules.chain_id,
            Self::Rollmill(rules) => rules.chain_id,
        }
    }

    /// The fork active at `timestamp` (seconds).
    pub fn fork(&self, timestamp: u64) -> Fork {
        match self {
            Self::Ethereum(rules) => rules.active(timestamp).1,
            Self::Rollmill(_) => RollmillRules::FORK,
        }
    }

    /// Blob parameters at `timestamp` (seconds); `None` before Cancun.
    pub fn blob_params(&self, timestamp: u64) -> Option<BlobParams> {
        match self {
            Self::Ethereum(rules) => rules.blob_params(timestamp),
            Self::Rollmill(_) => RollmillRules::FORK.blob_params(),
        }
    }

    /// The precompiles that only this chain has.
    pub fn precompiles(&self) -> Option<&ChainPrecompiles> {
        match self {
            Self::Ethereum(rules) if !rules.precompiles.is_empty() => Some(&rules.precompiles),
            _ => None,
        }
    }

    /// Whether these are the L2's rules.
    pub const fn is_rollmill(&self) -> bool {
        matches!(self, Self::Rollmill(_))
    }
}
