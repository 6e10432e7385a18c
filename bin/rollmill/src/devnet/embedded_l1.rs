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
    use alloy::{
        network::TransactionBuilder, providers::Provider, rpc::types::TransactionRequest,
        sol_types::SolCall,
    };
    use alloy_primitives::{Address, B256, keccak256};
    use rollmill_l1::{
        calls, connect,
        contracts::{Rollup, Settlement, StarkPrecompileVerifier},
    };
    use rollmill_protocol::{AggregateValues, Contribution, ProofCommitment, PublicValues};
    use rollmill_runtime::Shutdown;
    use rollmill_zkvm::{
        programs::BATCH_V1,
        recorded::{aggregate_v1, batch_v1},
    };

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

    /// A contract that gives fixed answers, by selector; its creation code.
    fn answering(answers: &[([u8; 4], Vec<u8>)]) -> Bytes {
        let word = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
        let handlers = 5 + 11 * answers.len() + 3;
        let mut offset = handlers + 14 * answers.len();
        // Selector of the call; then one comparison each.
        let mut code = vec![0x5f, 0x35, 0x60, 0xe0, 0x1c];
        for (position, (selector, _)) in answers.iter().enumerate() {
            let [high, low] = word(handlers + 14 * position);
            code.extend([&[0x80, 0x63][..], selector, &[0x14, 0x61, high, low, 0x57]].concat());
        }
        code.extend([0x5f, 0x5f, 0xfd]);
        for (_, answer) in answers {
            let ([len0, len1], [from0, from1]) = (word(answer.len()), word(offset));
            code.extend([0x5b, 0x61, len0, len1, 0x61, from0, from1, 0x5f, 0x39]);
            code.extend([0x61, len0, len1, 0x5f, 0xf3]);
            offset += answer.len();
        }
        code.extend(answers.iter().flat_map(|(_, answer)| answer));
        let [high, low] = word(code.len());
        let creation = [0x61, high, low, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3];
        [&creation[..], &code].concat().into()
    }

    /// What Rollup would answer where the recorded batch was committed.
    fn rollup_of(values: &AggregateValues) -> Bytes {
        let number = |number: u64| B256::from(U256::from(number));
        let expected = PublicValues {
            prover_gas: 0,
            ..values.range.clone()
        };
        let lineages = [values.previous_lineage, values.lineage].concat();
        let range = [expected.encode(), lineages].concat();
        let zero = B256::ZERO;
        let program = [values.exe, values.vm, zero, zero, zero, zero].concat();
        let expected_range = keccak256("expectedRange(uint64,uint64)");
        answering(&[
            (Rollup::settledBatchCall::SELECTOR, number(0).to_vec()),
            // In enforced mode it is everybody's turn.
            (Rollup::enforcedSinceCall::SELECTOR, number(1).to_vec()),
            (expected_range[..4].try_into().unwrap(), range),
            (Rollup::programsCall::SELECTOR, program),
            (Rollup::settleThroughCall::SELECTOR, Vec::new()),
        ])
    }

    #[tokio::test]
    async fn a_recorded_aggregate_settles_with_the_contributions_that_it_is_of() {
        let data = tempfile::tempdir().unwrap();
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let url = start(localhost(0), data.path().to_path_buf(), &mut tasks)
            .await
            .unwrap();
        let deployer = wallet(&url, Role::Operator.signer().unwrap()).unwrap();
        let verifier = StarkPrecompileVerifier::deploy(&deployer).await.unwrap();
        let recorded = aggregate_v1();
        let values: AggregateValues = serde_json::from_value(recorded.values).unwrap();
        let create = TransactionRequest::default().with_deploy_code(rollup_of(&values));
        let created = deployer.send_transaction(create).await.unwrap();
        let rollup = created.get_receipt().await.unwrap().contract_address;
        let contracts = Settlement::Contracts {
            rollup: rollup.unwrap(),
            ..Default::default()
        };
        let params = Settlement::SettlementParams {
            governor: Address::ZERO,
            programDelayS: 7 * 24 * 3_600,
            programs: vec![Settlement::Program {
                exeCommit: recorded.program.exe,
                vmCommit: recorded.program.vm,
                verifier: *verifier.address(),
                ..Default::default()
            }],
        };
        let settlement = Settlement::deploy(&deployer, contracts, params);
        let settlement = settlement.await.unwrap();

        let child = batch_v1();
        let contribution = Contribution {
            roller: child.roller,
            prover_gas: values.range.prover_gas,
            proof: ProofCommitment::of(child.proof),
        };
        let settle = |contribution: Contribution| {
            let proof = Bytes::from_static(recorded.proof);
            let call = calls::settle_many(*settlement.address(), (1, 1), &[contribution], proof);
            TransactionRequest::default()
                .with_kind(call.to)
                .with_input(call.input)
        };
        // Another's name, and another proof of the same roller.
        let (mut stolen, mut other) = (contribution, contribution);
        stolen.roller = Address::repeat_byte(9);
        other.proof = ProofCommitment(B256::repeat_byte(9));
        for wrong in [stolen, other] {
            assert!(deployer.call(settle(wrong)).await.is_err());
        }
        let sent = deployer.send_transaction(settle(contribution)).await;
        let receipt = sent.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        let stands = settlement.contributionsHash(1).call().await.unwrap();
        assert_eq!(stands, values.contributions);

        shutdown.cancel();
        tasks.join().await.unwrap();
    }
}
