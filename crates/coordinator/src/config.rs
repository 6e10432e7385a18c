//! What an operator chooses; everything else comes from L1 or is the law's.

use std::{net::SocketAddr, time::Duration};

use alloy_primitives::Address;
use rollmill_roller_api::{MachineMin, ProofKind};

use crate::operator::OperatorSigner;

/// Configuration of a coordinator.
#[derive(Clone, Debug)]
pub struct CoordinatorConfig {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Kind of proofs that the deployment's verifier contract takes.
    pub proofs: ProofKind,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Rollup contract.
    pub rollup: Address,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// Signs what rollers are told: the account that commits on L1.
    pub operator: OperatorSigner,
    /// The operator's own prover, which proves unpaid what no roller delivers; without one such batches wait.
    pub fallback: Option<Address>,
    /// How often rollers are asked to report.
    pub heartbeat_every: Duration,
    /// How far away the expiry of a request may be.
    pub request_ttl_max: Duration,
    /// How long a pick is held open at most.
    pub pick_wait_max: Duration,
    /// Proofs that are verified at the same time.
    pub verifiers: usize,
    /// Pause between looks at the clock (silent rollers, deadlines).
    pub tick: Duration,
    /// Pause before an L1 action that failed is tried again.
    pub l1_retry: Duration,
    /// Rollers in one transaction of a snapshot; a power of two. A thousand of them take 5.5 M gas.
    pub piece_leaves: usize,
}

impl CoordinatorConfig {
    /// The defaults, for a deployment.
    pub fn new(
        proofs: ProofKind,
        l1_chain_id: u64,
        rollup: Address,
        l2_chain_id: u64,
        operator: OperatorSigner,
    ) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9650)),
            proofs,
            l1_chain_id,
            rollup,
            l2_chain_id,
            operator,
            fallback: None,
            heartbeat_every: Duration::from_secs(1),
            request_ttl_max: Duration::from_secs(300),
            pick_wait_max: Duration::from_secs(20),
            verifiers: 2,
            tick: Duration::from_millis(200),
            l1_retry: Duration::from_millis(500),
            piece_leaves: 1024,
        }
    }

    /// Longest proof that is taken.
    pub fn proof_bytes_max(&self) -> usize {
        match self.proofs {
            ProofKind::Stark => rollmill_zkvm::PROOF_BYTES_MAX,
            ProofKind::Mock => rollmill_zkvm::mock::MOCK_PROOF_BYTES,
        }
    }

    /// Least machine that proves in time.
    pub fn machine_min(&self) -> MachineMin {
        match self.proofs {
            // A proof takes up to 6.5 GiB; nobody has measured one on less than two cores.
            ProofKind::Stark => MachineMin {
                memory_mib: 6_656,
                disk_mib: 2_048,
                cores: 2,
            },
            ProofKind::Mock => MachineMin {
                memory_mib: 256,
                disk_mib: 64,
                cores: 1,
            },
        }
    }

    /// Shortest proof that is taken: mock proofs have one length, a STARK is never shorter than its public values.
    pub fn proof_bytes_min(&self) -> usize {
        match self.proofs {
            ProofKind::Stark => STARK_BYTES_MIN,
            ProofKind::Mock => rollmill_zkvm::mock::MOCK_PROOF_BYTES,
        }
    }
}

/// Least version of the roller program whose requests and proofs are understood here.
pub const ROLLER_VERSION_MIN: &str = "0.1.0";

/// A body shorter than this is a broken upload and not a proof: *not submitted*, never *invalid*.
const STARK_BYTES_MIN: usize = 1024;

/// Longest witness that is given out.
pub const WITNESS_BYTES_MAX: u64 = 64 << 20;

/// Records of the log in one answer at most.
pub const LOG_LINES_MAX: u32 = 1_000;

/// Longest JSON body of a request.
pub const JSON_BYTES_MAX: usize = 64 << 10;
