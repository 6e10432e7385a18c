//! Precompiled contracts of a block: Ethereum's, and those that a chain adds.
//!
//! Those of the newest fork stand in a table of our own. revm makes its table at the first use, all forks' one after the other, in three
//! maps of which one has room for 300: as much work as a transfer, and more touched memory, in every proof. A test holds the two together.

use super::BlockContext;
use crate::rules::{ChainPrecompileOutcome, ChainPrecompiles, Rules};
use alloc::string::{String, ToString};
use alloy_primitives::{Address, map::AddressSet};
use revm::{
    Database,
    context::{ContextTr, JournalTr},
    context_interface::LocalContextTr,
    handler::{PrecompileProvider, precompile_output_to_interpreter_result},
    interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult},
    precompile::{
        Precompile, PrecompileHalt, PrecompileOutput, PrecompileSpecId, Precompiles, blake2,
        bls12_381, bn254, hash, identity, kzg_point_evaluation, modexp, secp256k1, secp256r1,
    },
    primitives::{OnceLock, hardfork::SpecId, short_address},
};
use rollmill_protocol::prover_gas::{PER_POWER_PRODUCT, PRECOMPILES, power_products};

/// Ethereum's precompiles at Osaka: those at the addresses from 1 on, then the one at [`P256VERIFY`].
static OSAKA: [Precompile; PRECOMPILES.len()] = [
    secp256k1::ECRECOVER,
    hash::SHA256,
    hash::RIPEMD160,
    identity::FUN,
    modexp::OSAKA,
    bn254::add::ISTANBUL,
    bn254::mul::ISTANBUL,
    bn254::pair::ISTANBUL,
    blake2::FUN,
    kzg_point_evaluation::POINT_EVALUATION,
    bls12_381::g1_add::PRECOMPILE,
    bls12_381::g1_msm::PRECOMPILE,
    bls12_381::g2_add::PRECOMPILE,
    bls12_381::g2_msm::PRECOMPILE,
    bls12_381::pairing::PRECOMPILE,
    bls12_381::map_fp_to_g1::PRECOMPILE,
    bls12_381::map_fp2_to_g2::PRECOMPILE,
    secp256r1::P256VERIFY_OSAKA,
];
/// Address of the last of them.
const P256VERIFY: usize = 0x100;
/// Place of modular powers.
const MODEXP: usize = 4;

/// Ethereum's precompiles of one fork.
#[derive(Clone, Copy, Debug)]
enum EthereumPrecompiles {
    Osaka,
    Older(&'static Precompiles),
}

impl EthereumPrecompiles {
    fn new(spec: SpecId) -> Self {
        match PrecompileSpecId::from_spec_id(spec) {
            PrecompileSpecId::OSAKA => Self::Osaka,
            older => Self::Older(Precompiles::new(older)),
        }
    }

    fn at(self, address: &Address) -> Option<&'static Precompile> {
        match self {
            Self::Osaka => osaka(address),
            Self::Older(precompiles) => precompiles.get(address),
        }
    }

    fn addresses(self) -> &'static AddressSet {
        static OSAKA_ADDRESSES: OnceLock<AddressSet> = OnceLock::new();
        match self {
            Self::Osaka => OSAKA_ADDRESSES.get_or_init(|| {
                OSAKA
                    .iter()
                    .map(|precompile| *precompile.address())
                    .collect()
            }),
            Self::Older(precompiles) => precompiles.addresses_set(),
        }
    }
}

fn osaka(address: &Address) -> Option<&'static Precompile> {
    OSAKA.get(osaka_index(address)?)
}

/// Place in [`OSAKA`] and in [`PRECOMPILES`].
fn osaka_index(address: &Address) -> Option<usize> {
    let last = OSAKA.len() - 1;
    match short_address(address)? {
        P256VERIFY => Some(last),
        short => short.checked_sub(1).filter(|index| *index < last),
    }
}

/// Ethereum's precompiles and those of the chain.
#[derive(Clone, Debug)]
pub struct BlockPrecompiles {
    ethereum: EthereumPrecompiles,
    chain: Option<(ChainPrecompiles, AddressSet)>,
    /// Whether what they cost the proof is counted.
    is_metered: bool,
}

impl BlockPrecompiles {
    pub(super) fn new(rules: &Rules, spec: SpecId) -> Self {
        let ethereum = EthereumPrecompiles::new(spec);
        let chain = rules.precompiles().cloned().map(|chain| {
            let warm = ethereum
                .addresses()
                .iter()
                .chain(chain.addresses())
                .copied()
                .collect();
            (chain, warm)
        });
        Self {
            ethereum,
            chain,
            is_metered: rules.is_rollmill(),
        }
    }

    fn run_within<DB: Database>(
        &self,
        context: &mut BlockContext<DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let address = &inputs.bytecode_address;
        let chain = self.chain.as_ref();
        let output = if let Some(run) = chain.and_then(|(chain, _)| chain.at(address)) {
            match run(&inputs.input.as_bytes(context), inputs.gas_limit) {
                ChainPrecompileOutcome::Success { gas_used, output } => {
                    PrecompileOutput::new(gas_used, output, inputs.reservoir)
                }
                ChainPrecompileOutcome::OutOfGas => {
                    PrecompileOutput::halt(PrecompileHalt::OutOfGas, inputs.reservoir)
                }
            }
        } else if let Some(precompile) = self.ethereum.at(address) {
            let input = inputs.input.as_bytes(context);
            let output = precompile.execute(&input, inputs.gas_limit, inputs.reservoir);
            drop(input);
            output.map_err(|error| error.to_string())?
        } else {
            return Ok(None);
        };
        // A transaction to a precompile tells why it failed, as with revm's own provider.
        if let Some(reason) = output.halt_reason()
            && !reason.is_oog()
            && context.journal().depth() == 1
        {
            let reason = reason.to_string();
            context.local_mut().set_precompile_error_context(reason);
        }
        Ok(Some(precompile_output_to_interpreter_result(
            output,
            inputs.gas_limit,
        )))
    }

    /// The same with at most so much of the gas; what the bound keeps back is returned, unless the call fails.
    fn run_within_gas<DB: Database>(
        &self,
        context: &mut BlockContext<DB>,
        inputs: &CallInputs,
        gas_max: u64,
    ) -> Result<Option<InterpreterResult>, String> {
        if inputs.gas_limit <= gas_max {
            return self.run_within(context, inputs);
        }
        let bounded = CallInputs {
            gas_limit: gas_max,
            ..inputs.clone()
        };
        let mut result = self.run_within(context, &bounded)?;
        if let Some(result) = &mut result {
            if result.result == InstructionResult::PrecompileOOG {
                context.chain.refuse();
            }
            let spent = if result.result.is_ok_or_revert() {
                result.gas.total_gas_spent()
            } else {
                inputs.gas_limit
            };
            result.gas = Gas::new(inputs.gas_limit);
            result.gas.set_spent(spent);
        }
        Ok(result)
    }
}

impl<DB: Database> PrecompileProvider<BlockContext<DB>> for BlockPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _spec: SpecId) -> bool {
        // The specification is fixed for the life of a block's EVM.
        false
    }

    fn run(
        &mut self,
        context: &mut BlockContext<DB>,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        if !self.is_metered {
            return self.run_within(context, inputs);
        }
        let Some(index) = osaka_index(&inputs.bytecode_address) else {
            return Ok(None);
        };
        let work = &PRECOMPILES[index];
        let bytes = inputs.input.len() as u64;
        let mut known = u64::from(work.call).saturating_add(bytes.saturating_mul(work.byte.into()));
        let refused = || InterpreterResult::new_oog(inputs.gas_limit, inputs.reservoir);
        if index == MODEXP {
            // Its input is looked through before anything can be refused, gas included: that is not given back.
            if context.chain.spend(work.call).is_err() {
                return Ok(Some(refused()));
            }
            known =
                power_products(&inputs.input.as_bytes(context)).saturating_mul(PER_POWER_PRODUCT);
        }
        let Some(left) = u64::from(context.chain.left()).checked_sub(known) else {
            context.chain.refuse();
            return Ok(Some(refused()));
        };
        let gas_max = left.checked_div(work.gas.into()).unwrap_or(u64::MAX);
        let Some(result) = self.run_within_gas(context, inputs, gas_max)? else {
            return Ok(None);
        };
        // Who cannot pay is refused before any work; what fails otherwise used no more than its input has.
        if result.result != InstructionResult::PrecompileOOG {
            let gas = if result.result.is_ok() {
                result.gas.total_gas_spent()
            } else {
                0
            };
            let by_gas = gas.saturating_mul(work.gas.into());
            context.chain.take(known.saturating_add(by_gas));
        }
        Ok(Some(result))
    }

    fn warm_addresses(&self) -> &AddressSet {
        match &self.chain {
            Some((_, warm)) => warm,
            None => self.ethereum.addresses(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloc::vec;
    use alloy_primitives::{B256, U256};

    #[test]
    fn osakas_table_is_that_of_revm() {
        let theirs = Precompiles::new(PrecompileSpecId::OSAKA);
        assert_eq!(
            EthereumPrecompiles::Osaka.addresses(),
            theirs.addresses_set()
        );
        for address in theirs.addresses() {
            let (own, their) = (osaka(address).unwrap(), theirs.get(address).unwrap());
            assert_eq!((own.id(), own.address()), (their.id(), address));
            // Forks differ in gas and in what they accept.
            for length in [0, 32, 64, 96, 128, 160, 192, 213, 256, 288, 384, 1_100] {
                for (byte, gas) in [(0, 10_000_000), (1, 10_000_000), (0, 3_400), (0, 100)] {
                    let input = vec![byte; length];
                    assert_eq!(own.execute(&input, gas, 0), their.execute(&input, gas, 0));
                }
            }
        }
        for outside in [0, 0x12, 0xff, 0x101, 300, 0x1_0001u32] {
            let address = Address::from_word(B256::from(U256::from(outside)));
            assert!(osaka(&address).is_none());
        }
    }

    #[test]
    fn older_forks_have_revms_tables() {
        for spec in [SpecId::SHANGHAI, SpecId::CANCUN, SpecId::PRAGUE] {
            let theirs = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
            let own = EthereumPrecompiles::new(spec);
            assert_eq!(own.addresses(), theirs.addresses_set());
            assert!(theirs.addresses().all(|address| own.at(address).is_some()));
        }
    }
}
