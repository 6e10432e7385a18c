//! The files that calibration writes: the schedule as Rust, and the report.

use std::fmt::Write as _;

use rollmill_protocol::prover_gas::{
    CELLS, EXECUTION_MAX, PER_EVM_GAS, PER_EVM_GAS_MAX, PrecompileWork,
};

use super::{Run, Schedule, compiled, fit::Fit};

/// `crates/protocol/src/prover_gas/schedule.rs`.
pub fn schedule(schedule: &Schedule) -> String {
    let mut out = String::from(
        "//! The coefficients of schedule 1, in prover gas. Written by `cargo xtask calibrate`, described in docs/developer/prover-gas.md.\n\nuse super::PrecompileWork;\n\n",
    );
    let evm_gas = PER_EVM_GAS;
    for (name, value, what) in constants(schedule, evm_gas) {
        let _ = writeln!(
            out,
            "/// {what}\npub const {name}: u64 = {};",
            separated(value)
        );
    }
    let _ = writeln!(
        out,
        "\n/// One instruction of the EVM, by its opcode.\n#[rustfmt::skip]\npub const OPCODES: [u16; 256] = ["
    );
    for row in schedule.opcodes.chunks(16) {
        let row: Vec<String> = row.iter().map(|work| separated(u64::from(*work))).collect();
        let _ = writeln!(out, "    {},", row.join(", "));
    }
    let _ = writeln!(
        out,
        "];\n\n/// Precompiles: those at the addresses from 1 on, then P256VERIFY.\n#[rustfmt::skip]\npub const PRECOMPILES: [PrecompileWork; {}] = [",
        schedule.precompiles.len()
    );
    for work in &schedule.precompiles {
        let [call, byte, gas] = [work.call, work.byte, work.gas].map(|work| separated(work.into()));
        let _ = writeln!(
            out,
            "    PrecompileWork {{ call: {call}, byte: {byte}, gas: {gas} }},"
        );
    }
    out.push_str("];\n");
    out
}

/// Names, values and meanings of what is one number.
fn constants(schedule: &Schedule, evm_gas: u64) -> [(&'static str, u64, &'static str); 14] {
    [
        (
            "BASE",
            schedule.base,
            "Start-up of the program and the fixed part of a proof.",
        ),
        (
            "PER_BLOCK",
            schedule.per_block,
            "Header, system calls and roots of one block.",
        ),
        (
            "PER_TRANSACTION",
            schedule.per_transaction,
            "Decoding, accounts and receipt of one transaction of either kind.",
        ),
        (
            "PER_SIGNATURE",
            schedule.per_signature,
            "Recovery of one sender.",
        ),
        ("PER_EVM_GAS", evm_gas, "One unit of EVM gas used."),
        (
            "PER_INPUT_BYTE",
            schedule.per_input_byte,
            "One byte of a transaction's input: hashed with the transaction, in its root and in the batch's data.",
        ),
        (
            "PER_WITNESS_BYTE",
            schedule.per_witness_byte,
            "Reading, decoding and hashing one byte of witness.",
        ),
        (
            "PER_KECCAK_PERMUTATION",
            schedule.per_keccak_permutation,
            "One Keccak permutation (136 bytes of input).",
        ),
        (
            "PER_BLOB_COEFFICIENT",
            schedule.per_blob_coefficient,
            "One coefficient of the polynomial that a blob's data is: 31 bytes, a product and a sum modulo 255 bits.",
        ),
        (
            "PER_COPIED_WORD",
            schedule.per_copied_word,
            "32 bytes that an instruction copies.",
        ),
        (
            "PER_MEMORY_WORD",
            schedule.per_memory_word,
            "32 bytes of memory that a call takes.",
        ),
        (
            "PER_CODE_WORD",
            schedule.per_code_word,
            "32 bytes of code, of the witness or creating a contract: looked through for jump destinations.",
        ),
        (
            "PER_EXPONENT_BIT",
            schedule.per_exponent_bit,
            "One bit of the exponent of `EXP`.",
        ),
        (
            "PER_POWER_PRODUCT",
            schedule.per_power_product,
            "One product of two words of 64 bits in a modular power.",
        ),
    ]
}

fn separated(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// Line of the report behind which the tables stand.
const MARK: &str = "<!-- From here on written by `cargo xtask calibrate --report`. -->";

/// The report with new tables; `None` where it has no place for them.
pub fn with_tables(report: &str, runs: &[Run], fit: &Fit) -> Option<String> {
    let (prose, _) = report.split_once(MARK)?;
    Some([prose, MARK, "\n\n", &tables(runs, fit)].concat())
}

fn tables(runs: &[Run], fit: &Fit) -> String {
    let schedule = compiled();
    let mut out = format!(
        "## How well it fits\n\nR^2 {:.4}; worst under-estimate {:.2} ({}). One unit is {CELLS} cells.\n\n\
         | batch | instructions | measured | counted | measured / counted |\n|---|---|---|---|---|\n",
        fit.r_squared, fit.worst, fit.worst_name
    );
    for run in runs {
        let counted = run.work.prover_gas().unwrap_or(u64::MAX);
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {counted} | {:.2} |",
            run.name,
            run.instructions,
            run.units,
            run.units / counted as f64
        );
    }
    let _ = writeln!(
        out,
        "\n## The schedule\n\n| for each | prover gas |\n|---|---|"
    );
    for (_, value, what) in constants(&schedule, PER_EVM_GAS) {
        let _ = writeln!(out, "| {} | {value} |", what.trim_end_matches('.'));
    }
    let _ = writeln!(
        out,
        "\nWhat a transaction runs is counted for at most {} for each unit of its gas limit, and at most {EXECUTION_MAX} in all; its gas, signatures, input and the transaction itself come on top.\n\n\
         Precompiles:\n\n| address | a call | a byte of input | a unit of gas |\n|---|---|---|---|",
        PER_EVM_GAS_MAX - PER_EVM_GAS
    );
    for (index, work) in schedule.precompiles.iter().enumerate() {
        let address = if index + 1 == schedule.precompiles.len() {
            0x100
        } else {
            index + 1
        };
        let PrecompileWork { call, byte, gas } = work;
        let _ = writeln!(out, "| {address:#x} | {call} | {byte} | {gas} |");
    }
    let _ = writeln!(
        out,
        "\nInstructions, by opcode, sixteen in a row:\n\n| from | prover gas |\n|---|---|"
    );
    for (index, row) in schedule.opcodes.chunks(16).enumerate() {
        let row: Vec<String> = row.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "| {:#04x} | {} |", index * 16, row.join(", "));
    }
    out
}
