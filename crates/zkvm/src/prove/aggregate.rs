//! From the segments' proofs to one proof of constant size.
//!
//! Leaf proofs verify up to [`LEAF_CHILDREN`] segments each, internal proofs up to 3 of the layer below. The layers above the second
//! verify proofs of their own kind until one is left; one more such proof of it is smaller and of constant shape.

use openvm_circuit::arch::ContinuationVmProof;
use openvm_continuations::prover::ChildVkKind;
use openvm_sdk::{SC, prover::AggProver};
use openvm_stark_backend::proof::Proof;
use openvm_verify_stark_host::VmStarkProof;

use super::{ProveError, Stage, Steps, keys::Engine};

/// The circuit takes four, in more memory than a segment's proof needs.
const LEAF_CHILDREN: usize = 3;

pub(super) fn aggregate(
    keys: &AggProver,
    app_proof: ContinuationVmProof<SC>,
    steps: &Steps<'_>,
) -> Result<VmStarkProof, ProveError> {
    let mut counter = Counter {
        steps,
        step: 0,
        total: step_count(keys, app_proof.per_segment.len()),
    };
    let tree = &keys.agg_tree_config;

    let leaves = counter.layer(app_proof.per_segment, LEAF_CHILDREN, |proofs| {
        keys.leaf_prover
            .agg_prove_no_def::<Engine>(proofs, ChildVkKind::App)
    })?;
    let internal = counter.layer(leaves, tree.num_children_internal, |proofs| {
        keys.internal_for_leaf_prover
            .agg_prove_no_def::<Engine>(proofs, ChildVkKind::Standard)
    })?;
    let mut recursive = counter.layer(internal, tree.num_children_internal, |proofs| {
        keys.internal_recursive_prover
            .agg_prove_no_def::<Engine>(proofs, ChildVkKind::Standard)
    })?;
    loop {
        // The last pass, over a single proof, is the one that shrinks it.
        let last = recursive.len() == 1;
        recursive = counter.layer(recursive, tree.num_children_internal, |proofs| {
            keys.internal_recursive_prover
                .agg_prove_no_def::<Engine>(proofs, ChildVkKind::RecursiveSelf)
        })?;
        if last {
            break;
        }
    }
    Ok(VmStarkProof {
        inner: recursive.pop().expect("a layer over one proof leaves one"),
        user_pvs_proof: app_proof.user_public_values,
        deferral_merkle_proofs: None,
    })
}

/// Number of aggregation proofs for this many segments.
fn step_count(keys: &AggProver, segments: usize) -> usize {
    let tree = &keys.agg_tree_config;
    let leaves = segments.div_ceil(LEAF_CHILDREN);
    let internal = leaves.div_ceil(tree.num_children_internal);
    let mut recursive = internal.div_ceil(tree.num_children_internal);
    let mut steps = leaves + internal + recursive;
    while recursive > 1 {
        recursive = recursive.div_ceil(tree.num_children_internal);
        steps += recursive;
    }
    steps + 1
}

struct Counter<'a> {
    steps: &'a Steps<'a>,
    step: usize,
    total: usize,
}

impl Counter<'_> {
    fn layer(
        &mut self,
        proofs: Vec<Proof<SC>>,
        children: usize,
        prove: impl Fn(&[Proof<SC>]) -> eyre::Result<Proof<SC>>,
    ) -> Result<Vec<Proof<SC>>, ProveError> {
        // As few parents as can be, and their children shared out: four under two make two and two, not three and one, because the
        // largest group decides the memory.
        let groups = proofs.len().div_ceil(children);
        let mut parents = Vec::with_capacity(groups);
        for group in proofs.chunks(proofs.len().div_ceil(groups)) {
            self.steps.begin(Stage::Aggregating {
                step: self.step,
                steps: self.total,
            })?;
            parents.push(prove(group).map_err(|report| ProveError::Proving(report.into()))?);
            self.step += 1;
        }
        Ok(parents)
    }
}
