//! What needs the prover and is done by hand: `cargo xtask guest` and `cargo xtask fixture` call it.
//!
//! ```text
//! guest-artifacts commit PROGRAM ELF OUT_DIR   write program.json and vm.vk for ELF, a build of `batch` or `aggregate`
//! guest-artifacts measure ELF                  run it on batches of several kinds, print what they cost beside the targets
//! guest-artifacts calibrate ELF SCHEDULE       measure prover gas and write its schedule
//! guest-artifacts check-gas ELF [REPORT]       compare the schedule with what batches take, and write the tables of that
//! guest-artifacts fixtures ELF CASES           execute Ethereum's fixtures, as `rollmill evm-test --record` wrote them
//! guest-artifacts machine VM_TOML              print what the circuits of a virtual machine cost every proof
//! guest-artifacts fixture ELF OUT_DIR          prove the recorded batch, write proof.bin, witness.bin and fixture.json
//! guest-artifacts aggregate ELF [OUT_DIR]      run it on the recorded batch's proof; with OUT_DIR, prove that, too
//! ```
//!
//! The executable is read from its file and not from what `programs` embeds, so that a new one needs no recompilation.

mod aggregate;
mod batch;
mod calibrate;
mod fixtures;
mod machine;
mod workloads;

use std::{fs, path::Path, sync::atomic::AtomicBool, time::Instant};

use alloy_primitives::keccak256;
use eyre::{WrapErr, bail, ensure};
use rollmill_zkvm::{
    programs::ProgramManifest,
    prove::{Execution, Inputs, ProveError, Prover, ProverConfig, peak_rss_bytes},
};
use serde_json::json;
use workloads::Measure;

fn main() -> eyre::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["commit", program, elf, out] => commit(program, Path::new(elf), Path::new(out)),
        ["measure", elf] => measure(Path::new(elf)),
        ["calibrate", elf, schedule] => calibrate::calibrate(Path::new(elf), Path::new(schedule)),
        ["fixtures", elf, cases] => fixtures::run(Path::new(elf), Path::new(cases)),
        ["machine", config] => machine::run(Path::new(config)),
        ["check-gas", elf] => calibrate::check(Path::new(elf), None),
        ["check-gas", elf, report] => calibrate::check(Path::new(elf), Some(Path::new(report))),
        ["fixture", elf, out] => fixture(Path::new(elf), Path::new(out)),
        ["aggregate", elf] => aggregate::run(Path::new(elf), None),
        ["aggregate", elf, out] => aggregate::run(Path::new(elf), Some(Path::new(out))),
        _ => bail!("usage: see the head of this example"),
    }
}

fn commit(program: &str, elf: &Path, out: &Path) -> eyre::Result<()> {
    let (commitment, mut key) = match program {
        "batch" => {
            let prover = prover(elf)?;
            (prover.commitment(), prover.verifying_key())
        }
        "aggregate" => {
            let aggregator = aggregate::aggregator(elf)?;
            (aggregator.commitment(), aggregator.verifying_key())
        }
        other => bail!("no program {other}"),
    };
    let elf = fs::read(elf)?;
    // The key file is the machine's; a program's commitment comes with each proof to be verified.
    key.baseline.app_exe_commit = Default::default();
    let key = bitcode::serialize(&key)?;
    let manifest = ProgramManifest {
        commitment,
        elf_keccak: keccak256(&elf),
        verifying_key_keccak: keccak256(&key),
    };
    fs::create_dir_all(out)?;
    fs::write(out.join("vm.vk"), &key)?;
    fs::write(
        out.join("program.json"),
        serde_json::to_string_pretty(&manifest)? + "\n",
    )?;
    println!(
        "exe {}\nvm  {}\nverifying key of {} bytes",
        manifest.commitment.exe,
        manifest.commitment.vm,
        key.len()
    );
    Ok(())
}

fn measure(elf: &Path) -> eyre::Result<()> {
    prover(elf)?.execute_many(measure_with)?
}

fn measure_with(run: Execute<'_>) -> eyre::Result<()> {
    println!(
        "{:22} {:>8} {:>10} {:>12} {:>14} {:>12} {:>9}",
        "batch", "witness", "EVM gas", "instructions", "trace cells", "for each", "target"
    );
    for workload in workloads::all()? {
        let (name, target) = (workload.name, workload.target);
        let sample = workload.scenario.build().wrap_err(name)?;
        let Execution {
            instructions,
            trace_cells,
            ..
        } = execute(run, &sample).wrap_err(name)?;
        let (units, unit) = match workload.measure {
            Measure::Transactions => (sample.work.transactions, "tx"),
            Measure::EvmGas => (sample.work.evm_gas, "gas"),
        };
        println!(
            "{name:22} {:>8} {:>10} {instructions:>12} {trace_cells:>14} {:>8.1} {unit:3} {target:>9}",
            sample.witness.len(),
            sample.work.evm_gas,
            instructions as f64 / units as f64,
        );
    }
    Ok(())
}

/// [`Prover::execute`], of one prover.
type Execute<'a> = &'a dyn Fn(Inputs<'_>) -> Result<Execution, ProveError>;

fn execute(execute: Execute<'_>, sample: &batch::Sample) -> eyre::Result<Execution> {
    let execution = execute(inputs(sample))?;
    ensure!(
        execution.public_values_hash == sample.public_values.hash(),
        "the program differs from the native result"
    );
    Ok(execution)
}

fn fixture(elf: &Path, out: &Path) -> eyre::Result<()> {
    let prover = prover(elf)?;
    let sample = batch::transfers().build()?;
    let execution = execute(&|inputs| prover.execute(inputs), &sample)?;
    let started = Instant::now();
    let progress = |stage| println!("{:8.1} s  {stage:?}", started.elapsed().as_secs_f64());
    let proven = prover.prove(inputs(&sample), &progress, &AtomicBool::new(false))?;
    println!(
        "{:8.1} s  done, peak {} MiB",
        proven.seconds.total(),
        peak_rss_bytes().unwrap_or(0) >> 20
    );

    fs::create_dir_all(out)?;
    fs::write(out.join("proof.bin"), &proven.proof)?;
    fs::write(out.join("witness.bin"), &sample.witness)?;
    let fixture = json!({
        "program": prover.commitment(),
        "roller": sample.identity.roller,
        "task": sample.identity.task,
        "public_values": sample.public_values,
        "public_values_hash": proven.public_values_hash,
        "proof_keccak": keccak256(&proven.proof),
        "proof_bytes": proven.proof.len(),
        "witness_bytes": sample.witness.len(),
        "instructions": proven.instructions,
        "trace_cells": execution.trace_cells,
        "segments": proven.segments,
        "threads": ProverConfig::default().threads,
        "seconds": {
            "executing": proven.seconds.executing,
            "app_proving": proven.seconds.app_proving,
            "aggregating": proven.seconds.aggregating,
            "verifying": proven.seconds.verifying,
        },
        "peak_rss_bytes": peak_rss_bytes(),
    });
    let text = serde_json::to_string_pretty(&fixture)? + "\n";
    fs::write(out.join("fixture.json"), &text)?;
    print!("{text}");
    Ok(())
}

fn inputs(sample: &batch::Sample) -> Inputs<'_> {
    Inputs {
        roller: sample.identity.roller,
        task: sample.identity.task.0,
        witness: &sample.witness,
    }
}

fn prover(elf: &Path) -> eyre::Result<Prover> {
    let elf = fs::read(elf).wrap_err_with(|| format!("reading {}", elf.display()))?;
    let started = Instant::now();
    let prover = Prover::of_elf(&elf, ProverConfig::default())?;
    println!(
        "{:8.1} s  keys derived, {} MiB",
        started.elapsed().as_secs_f64(),
        peak_rss_bytes().unwrap_or(0) >> 20
    );
    Ok(prover)
}
