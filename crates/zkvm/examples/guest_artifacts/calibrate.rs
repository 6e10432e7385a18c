//! Prover gas against measured trace cells: `calibrate` writes the schedule, `check` says how well the one compiled in fits.
//!
//! Each coefficient is what the cells of two runs differ by, which differ in one thing; only what every batch has of each is fitted, over
//! the corpus, by least squares of the relative errors. Units are [`CELLS`] cells. Nothing is proved.

mod fit;
mod precompiles;
pub mod probes;
mod write;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};

use eyre::{OptionExt, WrapErr, ensure};
use rollmill_protocol::{
    WorkCounts,
    prover_gas::{
        self, CELLS, OPCODES, PER_CODE_WORD, PER_COPIED_WORD, PER_EVM_GAS, PER_EXPONENT_BIT,
        PER_INPUT_BYTE, PER_MEMORY_WORD, PER_POWER_PRODUCT, PRECOMPILES, PrecompileWork,
    },
};

use crate::{Execute, batch::Scenario, execute, prover, workloads};

/// Gas of the first look at a slot (EIP-2929).
const COLD_SLOAD_GAS: u16 = 2_100;
/// Gas of a zero byte of input where a transaction runs enough besides (EIP-7623).
const ZERO_BYTE_GAS: u64 = 4;
/// Worst factor by which a batch of the corpus may cost more than its prover gas says.
const UNDERESTIMATE_MAX: f64 = 1.5;
/// Least share of the cells' variance that the schedule explains.
const R_SQUARED_MIN: f64 = 0.97;

/// Coefficients of a schedule, as `protocol` names them.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub base: u64,
    pub per_block: u64,
    pub per_transaction: u64,
    pub per_signature: u64,
    pub per_input_byte: u64,
    pub per_witness_byte: u64,
    pub per_keccak_permutation: u64,
    pub per_blob_coefficient: u64,
    pub per_copied_word: u64,
    pub per_memory_word: u64,
    pub per_code_word: u64,
    pub per_exponent_bit: u64,
    pub per_power_product: u64,
    pub opcodes: [u16; 256],
    pub precompiles: Vec<PrecompileWork>,
}

/// What a batch was counted as, and what it takes.
#[derive(Clone, Debug)]
pub struct Run {
    pub name: String,
    pub work: WorkCounts,
    pub instructions: u64,
    /// Prover gas that would be exact.
    pub units: f64,
}

/// Executes batches with one program.
pub struct Meter<'a>(Execute<'a>);

impl Meter<'_> {
    pub fn run(&self, name: &str, scenario: Scenario) -> eyre::Result<Run> {
        let sample = scenario.build().wrap_err_with(|| name.to_owned())?;
        let execution = execute(self.0, &sample).wrap_err_with(|| name.to_owned())?;
        Ok(Run {
            name: name.to_owned(),
            work: sample.work,
            instructions: execution.instructions,
            units: execution.trace_cells as f64 / CELLS as f64,
        })
    }
}

/// Measures a new schedule and writes it to `schedule`.
pub fn calibrate(elf: &Path, schedule: &Path) -> eyre::Result<()> {
    prover(elf)?.execute_many(|execute| calibrate_with(&Meter(execute), schedule))?
}

fn calibrate_with(meter: &Meter<'_>, schedule: &Path) -> eyre::Result<()> {
    let mut found = compiled();
    found.opcodes = opcodes(meter)?;
    lengths(meter, &mut found)?;
    precompiles::measure(meter, &mut found)?;
    whole_batches(meter, &mut found)?;
    std::fs::write(schedule, write::schedule(&found))?;
    println!("wrote {}", schedule.display());
    Ok(())
}

/// Units that `after` takes beyond `before`, without those that its EVM gas pays.
pub fn beyond(before: &Run, after: &Run) -> f64 {
    let gas = after.work.evm_gas as f64 - before.work.evm_gas as f64;
    after.units - before.units - gas * PER_EVM_GAS as f64
}

/// What each instruction takes, those of which others are made first.
fn opcodes(meter: &Meter<'_>) -> eyre::Result<[u16; 256]> {
    let mut table = [0u16; 256];
    let mut idle_runs = BTreeMap::new();
    for probe in probes::opcode_probes() {
        let idle = match idle_runs.entry(probe.calls) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let scenario = probes::calling(probes::idle_code(), probe.calls);
                unknown.insert(meter.run("idle", scenario)?)
            }
        };
        let name = format!("opcode {:#04x}", probe.opcode);
        let run = meter.run(&name, probes::calling(probe.code(), probe.calls))?;
        let each = beyond(idle, &run) / (probe.calls * probe.repeats) as f64;
        let known: f64 = probe
            .others()
            .iter()
            .map(|opcode| f64::from(table[usize::from(*opcode)]))
            .sum();
        let stop = if probe.ends() {
            f64::from(table[0])
        } else {
            0.0
        };
        let own = (each - known + stop)
            .round()
            .clamp(1.0, f64::from(u16::MAX));
        println!(
            "{name} {own:>6} {:>8.1} gas",
            gas_of_each(idle, &run, &probe)
        );
        table[usize::from(probe.opcode)] = own as u16;
        if probe.opcode == 0x5b {
            // The end of a call is measured with the call; it does no less than nothing.
            table[0] = table[0x5b];
        }
        if let Some(same) = alike(probe.opcode) {
            table[same].fill(own as u16);
        }
    }
    table[0xfe] = table[0x5b];
    // Measured with one callee: the account of another is looked at first.
    for call in [0xf1, 0xf2, 0xf4, 0xfa] {
        table[call] = table[call].saturating_add(table[0x31]);
    }
    // Measured with one block: another's hash is in another slot, which no gas pays.
    table[0x40] = table[0x40].max(table[0x54].saturating_add(COLD_SLOAD_GAS));
    Ok(table)
}

fn gas_of_each(idle: &Run, run: &Run, probe: &probes::OpcodeProbe) -> f64 {
    (run.work.evm_gas as f64 - idle.work.evm_gas as f64) / (probe.calls * probe.repeats) as f64
}

/// Instructions that differ in nothing but how deep they reach.
fn alike(opcode: u8) -> Option<std::ops::RangeInclusive<usize>> {
    match opcode {
        0x80 => Some(0x80..=0x8f),
        0x90 => Some(0x90..=0x9f),
        _ => None,
    }
}

/// Bytes of the long ones of [`lengths`]: 136 words, and 33 permutations.
const LONG_BYTES: u16 = 0x1100;
const LONG_WORDS: f64 = 136.0;

/// What depends on a length: hashing, copying, memory, code that creates, exponents.
fn lengths(meter: &Meter<'_>, found: &mut Schedule) -> eyre::Result<()> {
    const CALLS: u64 = 20;
    const REPEATS: u64 = 5;
    let differ = |short: Vec<u8>, long: Vec<u8>| -> eyre::Result<f64> {
        let short = meter.run("short", probes::calling(short, CALLS))?;
        let long = meter.run("long", probes::calling(long, CALLS))?;
        Ok(beyond(&short, &long) / CALLS as f64)
    };
    let each = |short: Vec<u8>, long: Vec<u8>| -> eyre::Result<f64> {
        let code = |body: Vec<u8>| probes::over_data(&body.repeat(REPEATS as usize), LONG_BYTES);
        Ok(differ(code(short), code(long))? / REPEATS as f64)
    };
    let size = |long: bool| {
        let bytes = if long { LONG_BYTES } else { 0 };
        [&[0x61][..], &bytes.to_be_bytes()].concat()
    };
    let round = |units: f64| units.ceil().max(1.0) as u64;
    let hash = |long| [size(long), vec![0x5f, 0x20, 0x50]].concat();
    found.per_keccak_permutation = round(each(hash(false), hash(true))? / 33.0);
    // To where no word begins: most take longest for that.
    let copy = |opcode: u8, long| [size(long), vec![0x5f, 0x60, 0x01, opcode]].concat();
    let mut words = Vec::new();
    for opcode in [0x37, 0x39, 0x5e] {
        words.push(each(copy(opcode, false), copy(opcode, true))? / LONG_WORDS);
    }
    println!("words copied by CALLDATACOPY, CODECOPY, MCOPY: {words:.1?}");
    found.per_copied_word = round(words.iter().copied().fold(0.0, f64::max));
    // MLOAD of the first word of memory, or of the 513th.
    let touch = |offset: [u8; 2]| vec![0x61, offset[0], offset[1], 0x51, 0x50, 0x00];
    found.per_memory_word = round(differ(touch([0, 0]), touch([0x40, 0]))? / 512.0);
    let create = |long| [size(long), vec![0x5f, 0x5f, 0xf0, 0x50]].concat();
    found.per_code_word = round(each(create(false), create(true))? / LONG_WORDS);
    // The base is full.
    let power = |exponent: Vec<u8>| [exponent, vec![0x5f, 0x19, 0x0a, 0x50]].concat();
    let full = [vec![0x7f], vec![0xff; 32]].concat();
    let one = [vec![0x7f], vec![0; 31], vec![1]].concat();
    found.per_exponent_bit = round(each(power(one), power(full))? / 255.0);
    println!(
        "permutation {}, words: copied {}, of memory {}, of code {}; bit of an exponent {}",
        found.per_keccak_permutation,
        found.per_copied_word,
        found.per_memory_word,
        found.per_code_word,
        found.per_exponent_bit
    );
    Ok(())
}

/// What every batch has: blocks, transactions, signatures, witness, blob.
fn whole_batches(meter: &Meter<'_>, found: &mut Schedule) -> eyre::Result<()> {
    let blocks = |empty_blocks| -> eyre::Result<Scenario> {
        Ok(Scenario {
            empty_blocks,
            ..workloads::ether(0)?
        })
    };
    // The data of a blob is looked at coefficient by coefficient.
    let blob = |in_blob| -> eyre::Result<Run> {
        let scenario = Scenario {
            in_blob,
            ..workloads::ether(100)?
        };
        meter.run("100 transfers", scenario)
    };
    let (calldata, in_blob) = (blob(false)?, blob(true)?);
    let coefficients = in_blob.work.blob_coefficients as f64;
    found.per_blob_coefficient = ((in_blob.units - calldata.units) / coefficients).ceil() as u64;

    let mut runs = vec![
        meter.run("an empty block", blocks(0)?)?,
        meter.run("11 empty blocks", blocks(10)?)?,
        meter.run("51 empty blocks", blocks(50)?)?,
        calldata,
    ];
    for (name, scenario) in workloads::corpus()? {
        runs.push(meter.run(name, scenario)?);
    }
    let [base, block, transaction, byte] = fit::standing(&runs, found)?;
    found.base = base;
    found.per_block = block;
    found.per_transaction = transaction;
    found.per_witness_byte = byte;
    let plain = meter.run("4 transfers", workloads::ether(4)?)?;
    let zeros = meter.run("4 with zeros", workloads::heavy(4, true)?)?;
    let more = |count: fn(&WorkCounts) -> u64| (count(&zeros.work) - count(&plain.work)) as f64;
    let input_bytes = more(|work| work.input_bytes);
    let witness = more(|work| work.witness_bytes) * byte as f64 / input_bytes;
    let each = (zeros.units - plain.units) / input_bytes - witness;
    let paid = (ZERO_BYTE_GAS * PER_EVM_GAS) as f64;
    found.per_input_byte = (each - paid).ceil().max(1.0) as u64;
    Ok(())
}

/// Runs the corpus and compares it with the schedule compiled in.
pub fn check(elf: &Path, report: Option<&Path>) -> eyre::Result<()> {
    prover(elf)?.execute_many(|execute| check_with(&Meter(execute), report))?
}

fn check_with(meter: &Meter<'_>, report: Option<&Path>) -> eyre::Result<()> {
    let mut runs = Vec::new();
    for (name, scenario) in workloads::corpus()? {
        let run = meter.run(name, scenario)?;
        let counted = run.work.prover_gas().unwrap_or(u64::MAX);
        println!(
            "{name:44} {:>12} instructions {:>12.0} measured {counted:>12} counted {:>6.2}",
            run.instructions,
            run.units,
            run.units / counted as f64
        );
        runs.push(run);
    }
    let fit = fit::Fit::of(&runs);
    println!(
        "R^2 {:.4}, worst under-estimate {:.2} ({})",
        fit.r_squared, fit.worst, fit.worst_name
    );
    if let Some(report) = report {
        let old = std::fs::read_to_string(report)?;
        let new = write::with_tables(&old, &runs, &fit);
        std::fs::write(
            report,
            new.ok_or_eyre("the report has no place for tables")?,
        )?;
        println!("wrote {}", report.display());
    }
    ensure!(
        fit.r_squared >= R_SQUARED_MIN && fit.worst <= UNDERESTIMATE_MAX,
        "the schedule does not fit what batches take: `cargo xtask calibrate` makes another"
    );
    Ok(())
}

/// The schedule that is compiled in.
pub fn compiled() -> Schedule {
    Schedule {
        base: prover_gas::BASE,
        per_block: prover_gas::PER_BLOCK,
        per_transaction: prover_gas::PER_TRANSACTION,
        per_signature: prover_gas::PER_SIGNATURE,
        per_input_byte: PER_INPUT_BYTE,
        per_witness_byte: prover_gas::PER_WITNESS_BYTE,
        per_keccak_permutation: prover_gas::PER_KECCAK_PERMUTATION,
        per_blob_coefficient: prover_gas::PER_BLOB_COEFFICIENT,
        per_copied_word: PER_COPIED_WORD,
        per_memory_word: PER_MEMORY_WORD,
        per_code_word: PER_CODE_WORD,
        per_exponent_bit: PER_EXPONENT_BIT,
        per_power_product: PER_POWER_PRODUCT,
        opcodes: OPCODES,
        precompiles: PRECOMPILES.to_vec(),
    }
}
