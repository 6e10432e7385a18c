//! Least squares, and how well a schedule fits.

use eyre::OptionExt;

use super::{Run, Schedule};

/// Unknowns of [`standing`]: what a batch, a block, a transaction, and a byte of witness take.
const UNKNOWNS: usize = 4;

/// Most of what a batch takes that may be the execution of its code, its input or its codes, for what every batch has to be told from it.
const OWN_SHARE_MAX: f64 = 0.2;
/// The same for EVM gas, of which a slot that is written takes more than it is worth.
const GAS_SHARE_MAX: f64 = 0.5;

/// The coefficients of what every batch has, such that the relative errors over those of `runs` that are little else are least in their
/// squares, rounded up. What the other counts take is known.
pub fn standing(runs: &[Run], known: &Schedule) -> eyre::Result<[u64; UNKNOWNS]> {
    let mut matrix = [[0.0; UNKNOWNS + 1]; UNKNOWNS];
    for run in runs {
        let work = &run.work;
        let counts = [1, work.blocks, work.transactions, work.witness_bytes];
        let own = work.input_bytes * known.per_input_byte
            + work.code_words * known.per_code_word
            + work.execution;
        let gas = work.evm_gas * rollmill_protocol::prover_gas::PER_EVM_GAS;
        if own as f64 > OWN_SHARE_MAX * run.units || gas as f64 > GAS_SHARE_MAX * run.units {
            continue;
        }
        let paid = work.signatures * known.per_signature
            + work.keccak_permutations * known.per_keccak_permutation
            + work.blob_coefficients * known.per_blob_coefficient
            + gas
            + own;
        let row = counts.map(|count| count as f64 / run.units);
        let right = 1.0 - paid as f64 / run.units;
        for (line, factor) in matrix.iter_mut().zip(row) {
            for (cell, value) in line.iter_mut().zip(row.into_iter().chain([right])) {
                *cell += factor * value;
            }
        }
    }
    let solution = solve(matrix).ok_or_eyre("the corpus tells too little apart")?;
    Ok(solution.map(|units| units.ceil().max(0.0) as u64))
}

/// Gauss's elimination with the largest pivot.
fn solve(mut matrix: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for column in 0..UNKNOWNS {
        let largest = (column..UNKNOWNS).max_by(|a, b| {
            matrix[*a][column]
                .abs()
                .total_cmp(&matrix[*b][column].abs())
        })?;
        matrix.swap(column, largest);
        let pivot = matrix[column];
        if pivot[column].abs() < f64::MIN_POSITIVE {
            return None;
        }
        for (row, line) in matrix.iter_mut().enumerate() {
            if row != column {
                let factor = line[column] / pivot[column];
                for (cell, value) in line.iter_mut().zip(pivot) {
                    *cell -= factor * value;
                }
            }
        }
    }
    Some(std::array::from_fn(|row| {
        matrix[row][UNKNOWNS] / matrix[row][row]
    }))
}

/// How well prover gas tells what batches take.
pub struct Fit {
    /// Share of the variance of what they take that their prover gas explains, without any factor between.
    pub r_squared: f64,
    /// Largest ratio of what one takes to its prover gas.
    pub worst: f64,
    pub worst_name: String,
}

impl Fit {
    pub fn of(runs: &[Run]) -> Self {
        let counted = |run: &Run| run.work.prover_gas().unwrap_or(u64::MAX) as f64;
        let mean = runs.iter().map(|run| run.units).sum::<f64>() / runs.len() as f64;
        let squares = |error: &dyn Fn(&Run) -> f64| -> f64 {
            runs.iter().map(|run| error(run).powi(2)).sum()
        };
        let left = squares(&|run| run.units - counted(run));
        let all = squares(&|run| run.units - mean);
        let ratio = |run: &Run| run.units / counted(run);
        let worst = runs.iter().max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        Self {
            r_squared: 1.0 - left / all,
            worst: worst.map_or(0.0, ratio),
            worst_name: worst.map_or_else(String::new, |run| run.name.clone()),
        }
    }
}
