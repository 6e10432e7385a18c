//! The aggregate program on the recorded batch, a chain of one.

use std::{fs, path::Path, time::Instant};

use alloy_primitives::{B256, keccak256};
use eyre::{WrapErr, ensure};
use rollmill_protocol::{
    AggregateValues, ProofCommitment, PublicValues,
    aggregate::{AggregateInput, Child, Shown, fold},
};
use rollmill_zkvm::{
    prove::{Aggregator, Batches, ProverConfig, peak_rss_bytes},
    recorded::{self, Recorded},
};
use serde_json::json;

/// The recorded batch as the aggregate program reads it, and what it makes of it.
struct Sample {
    recorded: Recorded,
    input: AggregateInput,
    values: AggregateValues,
}

/// Runs the program and compares; with a folder, proves the run too and writes proof.bin and fixture.json there.
pub fn run(elf: &Path, out: Option<&Path>) -> eyre::Result<()> {
    let sample = sample()?;
    let aggregator = aggregator(elf)?;
    let input = sample.input.encode();
    let batches = Batches {
        input: &input,
        program: sample.recorded.program,
        proofs: &[sample.recorded.proof],
    };
    let execution = aggregator.execute(batches)?;
    println!("{execution:?}");
    ensure!(
        execution.public_values_hash == sample.values.hash(),
        "the program differs from the native result"
    );
    let Some(out) = out else { return Ok(()) };
    let started = Instant::now();
    let proof = aggregator.prove(batches, sample.values.hash())?;
    let fixture = json!({
        "program": aggregator.commitment(),
        "values": sample.values,
        "public_values_hash": sample.values.hash(),
        "proof_keccak": keccak256(&proof),
        "proof_bytes": proof.len(),
        "instructions": execution.instructions,
        "trace_cells": execution.trace_cells,
        "threads": ProverConfig::default().threads,
        "seconds": started.elapsed().as_secs_f64(),
        "peak_rss_bytes": peak_rss_bytes(),
    });
    let text = serde_json::to_string_pretty(&fixture)? + "\n";
    fs::create_dir_all(out)?;
    fs::write(out.join("proof.bin"), &proof)?;
    fs::write(out.join("fixture.json"), &text)?;
    print!("{text}");
    Ok(())
}

/// Derives the keys.
pub fn aggregator(elf: &Path) -> eyre::Result<Aggregator> {
    let elf = fs::read(elf).wrap_err_with(|| format!("reading {}", elf.display()))?;
    let started = Instant::now();
    let aggregator = Aggregator::of_elf(&elf, ProverConfig::default())?;
    println!(
        "{:8.1} s  keys derived, {} MiB",
        started.elapsed().as_secs_f64(),
        peak_rss_bytes().unwrap_or(0) >> 20
    );
    Ok(aggregator)
}

fn sample() -> eyre::Result<Sample> {
    let recorded = recorded::batch_v1();
    let fixture: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/fixtures/batch-v1/fixture.json"))?;
    let values: PublicValues = serde_json::from_value(fixture["public_values"].clone())?;
    let proof = ProofCommitment::of(recorded.proof);
    let input = AggregateInput {
        previous_lineage: B256::ZERO,
        children: vec![Child { proof, values }],
    };
    let shown = Shown {
        exe: recorded.program.exe,
        vm: recorded.program.vm,
        public_values_hash: recorded.public_values_hash,
    };
    let values = fold(&input, |_| shown)?;
    Ok(Sample {
        recorded,
        input,
        values,
    })
}
