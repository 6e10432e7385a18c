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

/// One call, and what it takes.
struct Call {
    /// Of what the precompile is priced by.
    amount: f64,
    gas: f64,
    /// Beyond its EVM gas.
    units: f64,
}

/// One call of this address: units and gas; `None` when it fails, as what is priced above what a transaction may cause does.
fn one_call(meter: &Meter<'_>, address: Address, input: &[u8]) -> eyre::Result<Option<(f64, f64)>> {
    let run = |transactions: u64| -> eyre::Result<Run> {
        let name = format!("{address} with {} bytes", input.len());
        meter.run(&name, probes::forwarding_once(address, input, transactions))
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
fn measure_one(
    meter: &Meter<'_>,
    address: Address,
    by: By,
    input: &[u8],
) -> eyre::Result<Option<Call>> {
    let idle = one_call(meter, address_of_sender(0), input)?;
    let own = one_call(meter, address, input)?;
    let (Some((idle_units, idle_gas)), Some((units, gas))) = (idle, own) else {
        return Ok(None);
    };
    let gas = gas - idle_gas;
    let call = Call {
        amount: by.amount(input) as f64,
        gas,
        units: units - idle_units - gas * PER_EVM_GAS as f64,
    };
    println!(
        "precompile {address}: {:>14.0} for {:>6} bytes, {:>10} {by:?}, {gas:>8} gas",
        call.units,
        input.len(),
        call.amount
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
            .map(|input| measure_one(meter, address, by, input))
            .collect();
        let Some(mut calls) = calls? else {
            println!("precompile {address} keeps its price: no transaction can call it");
            continue;
        };
        if let By::Products = by {
            // Input that is only looked through is looked through before there is gas for it.
            calls[0].units += calls[0].gas * PER_EVM_GAS as f64;
        }
        // A call of another account than a precompile looks at it first, which is in the price of the instruction.
        let account = f64::from(found.opcodes[0x31]);
        let (call, each) = price(&calls, account);
        let mut work = PrecompileWork {
            call,
            ..PrecompileWork::default()
        };
        match by {
            By::Call => {}
            By::Bytes => work.byte = each,
            By::Gas => work.gas = each,
            By::Products => found.per_power_product = each.into(),
        }
        found.precompiles[index] = work;
        if address == precompile(1) {
            let gas = calls[0].gas * PER_EVM_GAS as f64;
            found.per_signature = (calls[0].units + gas).ceil() as u64;
        }
    }
    Ok(())
}

/// Prices of a call, less what its instruction pays already, and of each of what it is priced by, that are too low for none of the calls;
/// the first is the least.
fn price(calls: &[Call], paid: f64) -> (u32, u32) {
    let first = &calls[0];
    let slope = |call: &Call| (call.units - first.units) / (call.amount - first.amount);
    let others = calls.iter().filter(|call| call.amount > first.amount);
    let each = others.map(slope).fold(0.0, f64::max).ceil();
    let rest = calls.iter().map(|call| call.units - call.amount * each);
    let call = (rest.fold(0.0, f64::max) - paid).max(0.0).ceil();
    (call as u32, each as u32)
}
