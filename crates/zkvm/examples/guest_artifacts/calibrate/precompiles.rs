//! What precompiles take for their gas.

use eyre::ensure;
use rollmill_protocol::prover_gas::PER_EVM_GAS;

use super::{Meter, Run, Schedule, probes};

/// No precompile and no account.
const NOBODY: u16 = 0x12;
/// Gas with which the forwarder's calls would be failing: nearly all of the transaction's.
const SPENT: u64 = 14_000_000;

/// One call of this address: units and gas.
fn one_call(meter: &Meter<'_>, address: u16, input: &[u8]) -> eyre::Result<(f64, f64)> {
    let run = |calls: u64| -> eyre::Result<Run> {
        let name = format!("precompile {address:#x} with {} bytes", input.len());
        let run = meter.run(&name, probes::forwarding(address, input, calls))?;
        ensure!(run.work.evm_gas < SPENT, "{name} fails");
        Ok(run)
    };
    let (one, two) = (run(1)?, run(2)?);
    let gas = (two.work.evm_gas - one.work.evm_gas) as f64;
    Ok((two.units - one.units, gas))
}

/// Sets each precompile's price, and the price of a signature, which the first recovers.
pub fn measure(meter: &Meter<'_>, found: &mut Schedule) -> eyre::Result<()> {
    for (index, (address, inputs)) in probes::precompile_inputs().into_iter().enumerate() {
        let mut dearest: f64 = 1.0;
        for input in inputs {
            let (idle, idle_gas) = one_call(meter, NOBODY, &input)?;
            let (units, gas) = one_call(meter, address, &input)?;
            let (own, own_gas) = (units - idle, gas - idle_gas);
            let per_gas = own / own_gas - PER_EVM_GAS as f64;
            println!(
                "precompile {address:#x}: {own:>14.0} for {own_gas:>8} gas, {per_gas:>9.1} each"
            );
            dearest = dearest.max(per_gas);
            if address == 1 {
                found.per_signature = own.ceil() as u64;
            }
        }
        found.precompiles[index] = dearest.ceil() as u32;
    }
    Ok(())
}
