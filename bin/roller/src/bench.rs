//! `roller bench`: what this machine makes of the recorded batch of ten transfers.
//!
//! Everything runs in this process with the resources that `roller run` would take, so that the figures are those of a
//! working roller: keys, execution, verification of the recorded proof and, unless left out, one proof of its own.

use std::{sync::atomic::AtomicBool, time::Instant};

use alloy_primitives::Bytes;
use clap::Args;
use eyre::ensure;
use rollmill_protocol::{TaskId, prover_gas::ProverGas};
use rollmill_runtime::{complain, outln};
use rollmill_stf::{Identity, execute_batch};
use rollmill_zkvm::{
    programs::BATCH_V1,
    prove::{Inputs, Proven, Prover, Stage, StageSeconds, peak_rss_bytes, reset_peak_rss},
    recorded::{self, Recorded},
    verify,
};
use serde_json::{Value, json};

use crate::prover::ProverArgs;

/// Verifications that are timed; the fastest counts, because other work on the machine only adds.
const VERIFICATIONS: u32 = 20;

/// Arguments of `roller bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Only execute and verify: seconds instead of minutes.
    #[arg(long, env = "ROLLMILL_EXECUTE_ONLY")]
    execute_only: bool,
    #[command(flatten)]
    prover: ProverArgs,
    /// Print JSON instead of a table.
    #[arg(long, env = "ROLLMILL_PRINT_JSON")]
    json: bool,
}

/// Measures and prints.
pub fn run(args: &BenchArgs) -> eyre::Result<()> {
    let config = args.prover.config();
    let batch = recorded::batch_v1();
    let started = Instant::now();
    let prover = Prover::new(&BATCH_V1, config)?;
    let setup_seconds = started.elapsed().as_secs_f64();
    let mut figures = vec![
        ("threads", json!(config.threads)),
        ("setup_seconds", json!(setup_seconds)),
    ];
    figures.extend(execute(&prover, &batch)?);
    figures.extend(verify_recorded(&batch)?);
    if !args.execute_only {
        figures.extend(proving(&prove(&prover, &batch)?));
    }
    print(&figures, args.json);
    Ok(())
}

/// What `roller setup` goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Prover gas of the recorded batch.
    pub prover_gas: ProverGas,
    /// Seconds that a proof of it takes.
    pub prove_seconds: f64,
}

/// Proves the recorded batch once.
pub fn measure(prover: &ProverArgs) -> eyre::Result<Measured> {
    let batch = recorded::batch_v1();
    let prover = Prover::new(&BATCH_V1, prover.config())?;
    Ok(Measured {
        prover_gas: prover_gas(&batch)?,
        prove_seconds: prove(&prover, &batch)?.seconds.total(),
    })
}

/// Prover gas of the recorded batch.
pub fn recorded_prover_gas() -> eyre::Result<ProverGas> {
    prover_gas(&recorded::batch_v1())
}

fn prover_gas(batch: &Recorded) -> eyre::Result<ProverGas> {
    let identity = Identity {
        roller: batch.roller,
        task: TaskId(batch.task),
    };
    Ok(execute_batch(identity, Bytes::from_static(batch.witness))?.prover_gas)
}

type Figures = Vec<(&'static str, Value)>;

fn inputs(batch: &Recorded) -> Inputs<'_> {
    Inputs {
        roller: batch.roller,
        task: batch.task,
        witness: batch.witness,
    }
}

fn execute(prover: &Prover, batch: &Recorded) -> eyre::Result<Figures> {
    let started = Instant::now();
    let execution = prover.execute(inputs(batch))?;
    ensure!(
        execution.public_values_hash == batch.public_values_hash,
        "the program reveals something else than was recorded"
    );
    Ok(vec![
        ("execute_seconds", json!(started.elapsed().as_secs_f64())),
        ("instructions", json!(execution.instructions)),
        (
            "instructions_per_transfer",
            json!(execution.instructions / recorded::TRANSFERS),
        ),
        ("trace_cells", json!(execution.trace_cells)),
        ("prover_gas", json!(prover_gas(batch)?)),
        ("witness_bytes", json!(batch.witness.len())),
    ])
}

fn verify_recorded(batch: &Recorded) -> eyre::Result<Figures> {
    let mut fastest = f64::INFINITY;
    for _ in 0..VERIFICATIONS {
        let started = Instant::now();
        verify(&batch.program, batch.public_values_hash, batch.proof)?;
        fastest = fastest.min(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(vec![
        ("verify_ms", json!(fastest)),
        ("proof_bytes", json!(batch.proof.len())),
    ])
}

fn prove(prover: &Prover, batch: &Recorded) -> eyre::Result<Proven> {
    reset_peak_rss();
    let started = Instant::now();
    let progress = |stage: Stage| {
        complain(format_args!(
            "{:8.1} s  {stage:?}",
            started.elapsed().as_secs_f64()
        ));
    };
    Ok(prover.prove(inputs(batch), &progress, &AtomicBool::new(false))?)
}

fn proving(proven: &Proven) -> Figures {
    let StageSeconds {
        executing,
        app_proving,
        aggregating,
        ..
    } = proven.seconds;
    vec![
        ("segments", json!(proven.segments)),
        ("prove_seconds", json!(proven.seconds.total())),
        ("prove_executing_seconds", json!(executing)),
        ("prove_app_seconds", json!(app_proving)),
        ("prove_aggregating_seconds", json!(aggregating)),
        (
            "peak_rss_mib",
            json!(peak_rss_bytes().map(|bytes| bytes >> 20)),
        ),
    ]
}

fn print(figures: &Figures, as_json: bool) {
    if as_json {
        let object: serde_json::Map<String, Value> = figures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        outln!("{}", Value::Object(object));
        return;
    }
    for (name, value) in figures {
        match value.as_f64().filter(|_| !value.is_u64()) {
            Some(number) => outln!("{name:28} {number:>14.3}"),
            None => outln!("{name:28} {value:>14}"),
        }
    }
}
