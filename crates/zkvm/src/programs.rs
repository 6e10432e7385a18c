//! The guest programs, as built by `cargo xtask guest`, with what is needed to verify them without building.
//!
//! A program version is forever: batches pin it at commit, and old versions stay settleable. A new version adds a folder
//! to `guest/artifacts` and an entry here.

use std::sync::LazyLock;

use alloy_primitives::{B256, keccak256};
use openvm_verify_stark_host::vk::{VerificationBaseline, VmStarkVerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{
    ProgramCommitment,
    commitment::{commitment_of, hash_digests},
};

/// One built program.
#[derive(Debug)]
pub struct Program {
    /// Number among the programs of its kind; of a batch program, that in L1's program table.
    pub version: u32,
    /// Stripped RISC-V executable.
    pub elf: &'static [u8],
    /// What L1 pins.
    pub commitment: ProgramCommitment,
    verifying_key_bytes: &'static [u8],
    verifying_key: LazyLock<VmStarkVerifyingKey, Box<dyn FnOnce() -> VmStarkVerifyingKey + Send>>,
}

/// `program.json`: what describes the binary files beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramManifest {
    /// Commitments, computed from the executable and the VM's configuration.
    pub commitment: ProgramCommitment,
    /// Keccak-256 of the executable.
    pub elf_keccak: B256,
    /// Keccak-256 of the file of the verifying key.
    pub verifying_key_keccak: B256,
}

/// The batch program, version 1.
pub static BATCH_V1: LazyLock<Program> = LazyLock::new(|| {
    Program::embedded(
        1,
        include_bytes!("../../../guest/artifacts/batch-v1/program.elf"),
        include_bytes!("../../../guest/artifacts/batch-v1/vm.vk"),
        include_str!("../../../guest/artifacts/batch-v1/program.json"),
    )
});

/// The aggregate program, version 1 of the table of its kind on L1.
pub static AGGREGATE_V1: LazyLock<Program> = LazyLock::new(|| {
    Program::embedded(
        1,
        include_bytes!("../../../guest/artifacts/aggregate-v1/program.elf"),
        include_bytes!("../../../guest/artifacts/aggregate-v1/vm.vk"),
        include_str!("../../../guest/artifacts/aggregate-v1/program.json"),
    )
});

/// The batch program with this number in L1's table.
pub fn by_version(version: u32) -> Option<&'static Program> {
    [&*BATCH_V1]
        .into_iter()
        .find(|program| program.version == version)
}

impl Program {
    fn embedded(
        version: u32,
        elf: &'static [u8],
        verifying_key_bytes: &'static [u8],
        manifest: &str,
    ) -> Self {
        let manifest: ProgramManifest =
            serde_json::from_str(manifest).expect("a committed manifest parses");
        assert_eq!(
            keccak256(elf),
            manifest.elf_keccak,
            "executable and manifest were written together"
        );
        assert_eq!(
            keccak256(verifying_key_bytes),
            manifest.verifying_key_keccak,
            "key and manifest too"
        );
        Self {
            version,
            elf,
            commitment: manifest.commitment,
            verifying_key_bytes,
            verifying_key: LazyLock::new(Box::new(move || {
                let key: VmStarkVerifyingKey =
                    bitcode::deserialize(verifying_key_bytes).expect("a committed key decodes");
                // SOUNDNESS: the key answers for this VM, and its last layer is the one that the baseline names.
                assert_eq!(
                    vm_commitment(&key.baseline),
                    manifest.commitment.vm,
                    "key of another VM"
                );
                assert_eq!(
                    key.baseline.internal_recursive_vk_commit.vk_pre_hash, key.mvk.pre_hash,
                    "key of another layer"
                );
                key
            })),
        }
    }

    /// Size of the embedded verifying key in bytes.
    pub fn verifying_key_bytes(&self) -> usize {
        self.verifying_key_bytes.len()
    }

    /// Key of the last aggregation layer, with the baseline of this program's VM.
    pub(crate) fn verifying_key(&self) -> &VmStarkVerifyingKey {
        &self.verifying_key
    }
}

/// The key that verifies proofs of any program on this VM.
pub(crate) fn verifying_key_of_vm(vm: B256) -> Option<&'static VmStarkVerifyingKey> {
    [&*BATCH_V1, &*AGGREGATE_V1]
        .into_iter()
        .find(|program| program.commitment.vm == vm)
        .map(Program::verifying_key)
}

/// The VM commitment as OpenVM derives it: Poseidon2 over the commitments of the keys below the recursive layer.
fn vm_commitment(baseline: &VerificationBaseline) -> B256 {
    let keys = [
        &baseline.app_vk_commit,
        &baseline.leaf_vk_commit,
        &baseline.internal_for_leaf_vk_commit,
    ];
    let blocks = keys
        .into_iter()
        .flat_map(|key| [key.cached_commit, key.vk_pre_hash]);
    commitment_of(&hash_digests(blocks))
}
