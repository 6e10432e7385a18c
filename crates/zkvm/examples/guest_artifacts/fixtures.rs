//! Ethereum's fixtures in the zkVM: cases as `rollmill evm-test --record` wrote them, executed by the program `fixtures`.

use std::{fs, path::Path};

use alloy_primitives::{Address, B256};
use eyre::{OptionExt, WrapErr, ensure};
use rollmill_stf::case::chained;
use rollmill_zkvm::prove::Inputs;

use crate::{Execute, prover};

/// Cases run together, by their number and by their length: a panic or a difference is looked for one by one, and memory is not given
/// back.
const TOGETHER_MAX: usize = 200;
const TOGETHER_BYTES_MAX: usize = 8 << 20;

struct Case<'a> {
    name: &'a str,
    bytes: &'a [u8],
    verdict: B256,
}

/// Executes all cases of a file. An error when one has another verdict than natively, or when there is none.
pub fn run(elf: &Path, cases: &Path) -> eyre::Result<()> {
    let file = fs::read(cases).wrap_err_with(|| format!("reading {}", cases.display()))?;
    let cases = records(&file).ok_or_eyre("not a file of cases")?;
    ensure!(!cases.is_empty(), "no cases");
    let failed = prover(elf)?.execute_many(|execute| run_all(execute, &cases))?;
    for name in &failed {
        println!("FAILED {name}");
    }
    println!("{} cases in the zkVM, {} failed", cases.len(), failed.len());
    ensure!(
        failed.is_empty(),
        "not all cases have the verdict that they have natively"
    );
    Ok(())
}

fn records(mut bytes: &[u8]) -> Option<Vec<Case<'_>>> {
    fn item<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (item, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *bytes = rest;
        Some(item)
    }
    let mut cases = Vec::new();
    while !bytes.is_empty() {
        let name = std::str::from_utf8(item(&mut bytes)?).ok()?;
        let case = item(&mut bytes)?;
        let (verdict, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        cases.push(Case {
            name,
            bytes: case,
            verdict: B256::new(*verdict),
        });
    }
    Some(cases)
}

/// Names of the cases that fail.
fn run_all(execute: Execute<'_>, cases: &[Case<'_>]) -> Vec<String> {
    let mut failed = Vec::new();
    let mut rest = cases;
    while !rest.is_empty() {
        let mut bytes = 0;
        let together = rest.iter().take(TOGETHER_MAX).take_while(|case| {
            bytes += case.bytes.len();
            bytes <= TOGETHER_BYTES_MAX
        });
        let (group, behind) = rest.split_at(together.count().max(1));
        rest = behind;
        if !passes(execute, group) {
            let alone = group
                .iter()
                .filter(|case| !passes(execute, std::slice::from_ref(*case)));
            failed.extend(alone.map(|case| case.name.to_owned()));
        }
    }
    failed
}

fn passes(execute: Execute<'_>, cases: &[Case<'_>]) -> bool {
    let bytes: Vec<u8> = cases.iter().flat_map(|case| case.bytes).copied().collect();
    let expected = cases
        .iter()
        .fold(B256::ZERO, |chain, case| chained(chain, case.verdict));
    let inputs = Inputs {
        roller: Address::ZERO,
        task: B256::ZERO,
        witness: &bytes,
    };
    execute(inputs).is_ok_and(|execution| execution.public_values_hash == expected)
}
