//! The embedded L1 with the one thing that it has beside Ethereum's rules: a precompile that verifies STARKs natively.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use alloy_primitives::{Bytes, U256};
use rollmill_devl1::{ChainPrecompileOutcome, ChainPrecompiles, DevL1, DevL1Config};
use rollmill_protocol::l2::STARK_PRECOMPILE;
use rollmill_runtime::Tasks;
use rollmill_zkvm::stark_precompile;

/// Gas of the STARK precompile: a fixed part, and a part by input byte. Verifying takes about 17 ms, as long as a node needs
/// for some million gas.
const PRECOMPILE_GAS: u64 = 1_000_000;
const PRECOMPILE_GAS_PER_BYTE: u64 = 1;

/// Starts it at `listen` (port 0 takes a free one) with its chain in `data_dir`, and returns the URL of its JSON-RPC.
pub async fn start(
    listen: SocketAddr,
    data_dir: PathBuf,
    tasks: &mut Tasks,
) -> eyre::Result<String> {
    let verify = |input: &[u8], gas_limit: u64| {
        let gas_used = PRECOMPILE_GAS + PRECOMPILE_GAS_PER_BYTE * input.len() as u64;
        if gas_used > gas_limit {
            return ChainPrecompileOutcome::OutOfGas;
        }
        let accepted = U256::from(stark_precompile(input));
        ChainPrecompileOutcome::Success {
            gas_used,
            output: Bytes::from(accepted.to_be_bytes::<32>()),
        }
    };
    let config = DevL1Config {
        listen,
        precompiles: ChainPrecompiles::default().with(STARK_PRECOMPILE, Arc::new(verify)),
        ..DevL1Config::in_dir(data_dir)
    };
    let l1 = DevL1::start(config, tasks.shutdown().token()).await?;
    let url = l1.url();
    tasks.spawn("l1", l1.stopped());
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy_primitives::B256;
    use rollmill_l1::{connect, contracts::StarkPrecompileVerifier};
    use rollmill_runtime::Shutdown;
    use rollmill_zkvm::{programs::BATCH_V1, recorded::batch_v1};

    use crate::devnet::{accounts::Role, ports::localhost, world::wallet};

    #[tokio::test]
    async fn the_verifier_contract_accepts_the_recorded_proof_and_nothing_else() {
        let data = tempfile::tempdir().unwrap();
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let url = start(localhost(0), data.path().to_path_buf(), &mut tasks)
            .await
            .unwrap();
        let deployer = wallet(&url, Role::Operator.signer().unwrap()).unwrap();
        let deployed = StarkPrecompileVerifier::deploy(deployer).await.unwrap();
        let verifier = StarkPrecompileVerifier::new(*deployed.address(), connect(&url).unwrap());

        let recorded = batch_v1();
        let (hash, proof) = (recorded.public_values_hash, recorded.proof);
        let verify = async |exe: B256, hash: B256, proof: &[u8]| {
            let (vm, proof) = (BATCH_V1.commitment.vm, Bytes::copy_from_slice(proof));
            verifier.verify(exe, vm, hash, proof).call().await.unwrap()
        };
        let exe = BATCH_V1.commitment.exe;
        assert!(verify(exe, hash, proof).await);
        assert!(!verify(B256::repeat_byte(1), hash, proof).await);
        assert!(!verify(exe, B256::repeat_byte(1), proof).await);
        assert!(!verify(exe, hash, &proof[..proof.len() - 1]).await);
        assert!(!verify(exe, hash, b"").await);

        shutdown.cancel();
        tasks.join().await.unwrap();
    }
}
