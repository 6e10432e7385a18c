//! What precompiles take by their input.

use alloy_primitives::Address;
use rollmill_protocol::prover_gas::{PER_EVM_GAS, PrecompileWork};

use super::{
    Meter, Run, Schedule,
    probes::{self, By, PrecompileProbe, precompile},
};
use crate::batch::address_of_sender;

/// Gas with which a transaction has failed: nearly all that it had.
const SPENT: u64 = 14_000_000;

/// One call: of what length, and what it takes.
struct Call {
    bytes: f64,
    gas: f64,
    /// Beyond its EVM gas.
    units: f64,
}

/// One call of this address: units and gas; `None` when it fails, as what is priced above what a transaction may cause does.
fn one_call(meter: &Meter<'_>, address: Address, input: &[u8]) -> eyre::Result<Option<(f64, f64)>> {
    let run = |transactions: u64| -> eyre::Result<Run> {
        let name = format!("{address} with {} bytes", input.len());
        meter.run(&name, probes::forwarding(address, input, 1, transactions))
    };
    let one = run(1)?;
    if one.work.evm_gas > SPENT {
        return Ok(None);
    }
    let two = run(2)?;
    let gas = (two.work.evm_gas - one.work.evm_gas) as f64;
    Ok(Some((two.units - one.units, gas)))
}

/// The same less what a call takes of somebody who does nothing, and is known to the transaction as a precompile is.
fn measure_one(meter: &Meter<'_>, address: Address, input: &[u8]) -> eyre::Result<Option<Call>> {
    let idle = one_call(meter, address_of_sender(0), input)?;
    let own = one_call(meter, address, input)?;
    let (Some((idle_units, idle_gas)), Some((units, gas))) = (idle, own) else {
        return Ok(None);
    };
    let gas = gas - idle_gas;
    let call = Call {
        bytes: input.len() as f64,
        gas,
        units: units - idle_units - gas * PER_EVM_GAS as f64,
    };
    println!(
        "precompile {address}: {:>14.0} for {:>6} bytes, {gas:>8} gas",
        call.units, call.bytes
    );
    Ok(Some(call))
}

/// Sets each precompile's price, and the price of a signature, which the first recovers.
pub fn measure(meter: &Meter<'_>, found: &mut Schedule) -> eyre::Result<()> {
    for (index, probe) in probes::precompile_probes().into_iter().enumerate() {
        let PrecompileProbe {
            address,
            by,
            inputs,
        } = probe;
        let calls: eyre::Result<Option<Vec<Call>>> = inputs
            .iter()
            .map(|input| measure_one(meter, address, input))
            .collect();
        let Some(calls) = calls? else {
            println!("precompile {address} keeps its price: no transaction can call it");
            continue;
        };
        found.precompiles[index] = price(by, &calls);
        if address == precompile(1) {
            let gas = calls[0].gas * PER_EVM_GAS as f64;
            found.per_signature = (calls[0].units + gas).ceil() as u64;
        }
    }
    Ok(())
}

/// The price that is too low for none of the calls, of which the last is the longest.
fn price(by: By, calls: &[Call]) -> PrecompileWork {
    let (first, last) = (&calls[0], &calls[calls.len() - 1]);
    let (byte, gas) = match by {
        By::Call => (0.0, 0.0),
        By::Bytes => ((last.units - first.units) / (last.bytes - first.bytes), 0.0),
        By::Gas => (0.0, last.units / last.gas),
    };
    let (byte, gas) = (byte.max(0.0).ceil(), gas.max(0.0).ceil());
    let rest = calls
        .iter()
        .map(|call| call.units - call.bytes * byte - call.gas * gas);
    PrecompileWork {
        call: rest.fold(0.0, f64::max).ceil() as u32,
        byte: byte as u32,
        gas: gas as u32,
    }
}
