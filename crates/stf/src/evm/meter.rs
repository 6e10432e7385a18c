//! What running the EVM costs the proof, which its gas does not tell: counted instruction by instruction, and bounded.
//!
//! Model: each transaction of the rollup begins with a budget, and each instruction takes what the schedule says of its opcode
//! ([`OPCODES`]) from it, and by the length of what it moves or hashes. [`instructions`] is revm's table with that in front of each
//! entry; precompiles take theirs by their gas ([`super::BlockPrecompiles`]).
//!
//! Under the budget, what would exceed it runs out of gas *before* the work is done: no transaction can make a batch unprovable, or be
//! dearer to prove than what its sender has held back for it.

use super::BlockContext;
use crate::{rules::Rules, transaction::Transaction};
use alloy_consensus::Transaction as _;
use revm::{
    Database,
    bytecode::opcode::{
        CALLDATACOPY, CODECOPY, CREATE, CREATE2, EXP, EXTCODECOPY, KECCAK256, LOG0, LOG1, LOG2,
        LOG3, LOG4, MCOPY, RETURN, RETURNDATACOPY, REVERT,
    },
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        InstructionTable, instruction_table, interpreter::EthInterpreter,
    },
};
use rollmill_protocol::prover_gas::{
    OPCODES, PER_COPIED_WORD, PER_EXPONENT_BIT, PER_INITCODE_WORD, PER_KECCAK_PERMUTATION,
    execution_max,
};

/// Prover gas that running an L1 message may cause beyond its EVM gas; what exceeds it runs out of gas. A message cannot be
/// refused, so its proving must be bounded by the rules.
pub const MESSAGE_WORK_MAX: u32 = 20_000_000;

/// Bytes that one Keccak-256 permutation absorbs.
const KECCAK_RATE_BYTES: u64 = 136;
const WORD_BYTES: u64 = 32;

/// Counts what ran, and bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkMeter {
    /// Prover gas of what ran under earlier budgets.
    before: u64,
    budget: u32,
    /// Of the budget.
    left: u32,
}

/// Nothing ran, and as good as no bound.
impl Default for WorkMeter {
    fn default() -> Self {
        Self {
            before: 0,
            budget: u32::MAX,
            left: u32::MAX,
        }
    }
}

impl WorkMeter {
    /// Sets the bound for a transaction with this gas limit that is about to run.
    pub fn begin(&mut self, rules: &Rules, is_message: bool, gas_limit: u64) {
        self.before = self.execution();
        self.budget = match rules {
            Rules::Ethereum(_) => u32::MAX,
            Rules::Rollmill(_) if is_message => MESSAGE_WORK_MAX,
            Rules::Rollmill(_) => u32::try_from(execution_max(gas_limit)).unwrap_or(u32::MAX),
        };
        self.left = self.budget;
    }

    /// As [`Self::begin`], for this transaction.
    pub fn begin_transaction(&mut self, rules: &Rules, transaction: &Transaction) {
        let is_message = transaction.as_l1_message().is_some();
        self.begin(rules, is_message, transaction.gas_limit());
    }

    /// Prover gas of all that ran: by opcodes, lengths and precompiles.
    pub const fn execution(&self) -> u64 {
        self.before + (self.budget - self.left) as u64
    }

    /// What may still run.
    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    /// Takes what has run already.
    pub(super) fn take(&mut self, work: u64) {
        let work = u32::try_from(work).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(work);
    }

    /// Takes what is about to run, if that much is left.
    #[inline(always)]
    fn spend(&mut self, work: u32) -> InstructionExecResult {
        self.left = self
            .left
            .checked_sub(work)
            .ok_or(InstructionResult::OutOfGas)?;
        Ok(())
    }
}

/// Keccak-256 permutations of an input of this many bytes.
pub(crate) const fn keccak_permutations(bytes: u64) -> u64 {
    bytes / KECCAK_RATE_BYTES + 1
}

/// Where on the stack the number lies on which an instruction's work depends besides its opcode.
const fn measure_at(opcode: u8) -> Option<usize> {
    match opcode {
        EXP | KECCAK256 | LOG0 | LOG1 | LOG2 | LOG3 | LOG4 | RETURN | REVERT => Some(1),
        CALLDATACOPY | CODECOPY | RETURNDATACOPY | MCOPY | CREATE | CREATE2 => Some(2),
        EXTCODECOPY => Some(3),
        _ => None,
    }
}

/// Prover gas by that number, beyond the opcode's. Saturating: a length that no memory can have is left to the instruction, which
/// fails.
#[inline(always)]
fn measured_work(opcode: u8, number: u64, bits: u64) -> u64 {
    let words = number.div_ceil(WORD_BYTES);
    match opcode {
        EXP => bits.saturating_mul(PER_EXPONENT_BIT),
        KECCAK256 => keccak_permutations(number).saturating_mul(PER_KECCAK_PERMUTATION),
        CREATE | CREATE2 => words.saturating_mul(PER_INITCODE_WORD),
        _ => words.saturating_mul(PER_COPIED_WORD),
    }
}

/// The instruction of this opcode, counted.
///
/// The opcode's work is taken before, as its gas is. What depends on a number is taken when the instruction has succeeded: a call with
/// little gas must not take the budget of its caller by asking for what it cannot pay.
pub fn metered<const OPCODE: u8, DB: Database>(
    context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
) -> InstructionExecResult {
    let instruction =
        const { instruction_table::<EthInterpreter, BlockContext<DB>>()[OPCODE as usize] };
    let InstructionContext { interpreter, host } = context;
    host.chain
        .spend(const { OPCODES[OPCODE as usize] as u32 })?;
    let Some(at) = (const { measure_at(OPCODE) }) else {
        return instruction.execute(InstructionContext { interpreter, host });
    };
    let number = interpreter.stack.peek(at).unwrap_or_default();
    let work = measured_work(OPCODE, number.saturating_to(), number.bit_len() as u64);
    if work > u64::from(host.chain.left) {
        return Err(InstructionResult::OutOfGas);
    }
    let outcome = instruction.execute(InstructionContext {
        interpreter,
        host: &mut *host,
    });
    // What ends a frame, or leaves it for another, is no success by its type.
    let succeeded = outcome.err().is_none_or(|result| {
        result.is_ok_or_revert() || matches!(result, InstructionResult::Suspend)
    });
    if succeeded {
        host.chain.take(work);
    }
    outcome
}

/// Sixteen entries of the table, from this opcode on.
macro_rules! row {
    ($table:ident, $first:expr; $($column:literal)*) => {$(
        $table[$first + $column] = Instruction::new(metered::<{ $first + $column }, DB>);
    )*};
}

/// All rows.
macro_rules! rows {
    ($table:ident; $($first:literal)*) => {$(
        row!($table, $first; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    )*};
}

/// revm's instructions, each counted.
pub(super) const fn instructions<DB: Database>()
-> InstructionTable<EthInterpreter, BlockContext<DB>> {
    let mut table = instruction_table::<EthInterpreter, BlockContext<DB>>();
    rows!(table; 0x00 0x10 0x20 0x30 0x40 0x50 0x60 0x70 0x80 0x90 0xa0 0xb0 0xc0 0xd0 0xe0 0xf0);
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::{EthereumRules, RollmillRules};

    const L2: Rules = Rules::Rollmill(RollmillRules { chain_id: 1 });

    #[test]
    fn a_budget_follows_the_gas_limit_on_the_rollup_alone() {
        let budget = |rules: &Rules, is_message, gas_limit| {
            let mut meter = WorkMeter::default();
            meter.begin(rules, is_message, gas_limit);
            meter.left()
        };
        assert_eq!(u64::from(budget(&L2, false, 21_000)), execution_max(21_000));
        assert_eq!(budget(&L2, false, u64::MAX), u32::MAX);
        assert_eq!(budget(&L2, true, 21_000), MESSAGE_WORK_MAX);
        let l1 = Rules::Ethereum(EthereumRules::at_fork(1, crate::Fork::Osaka));
        assert_eq!(budget(&l1, false, 21_000), u32::MAX);
    }

    #[test]
    fn what_ran_adds_up_over_budgets_and_never_exceeds_one() {
        let mut meter = WorkMeter::default();
        meter.spend(5).unwrap();
        meter.begin(&L2, false, 1);
        assert_eq!(meter.execution(), 5);
        let budget = meter.left();
        assert_eq!(meter.spend(budget + 1), Err(InstructionResult::OutOfGas));
        assert_eq!(meter.left(), budget);
        meter.spend(budget).unwrap();
        meter.begin(&L2, false, 1);
        meter.take(u64::MAX);
        assert_eq!(meter.left(), 0);
        assert_eq!(meter.execution(), 5 + 2 * u64::from(budget));
    }

    #[test]
    fn lengths_are_counted_by_what_is_made_of_them() {
        let work = |opcode, number: u64| {
            measured_work(
                opcode,
                number,
                u64::from(u64::BITS - number.leading_zeros()),
            )
        };
        assert_eq!(work(KECCAK256, 135), PER_KECCAK_PERMUTATION);
        assert_eq!(work(KECCAK256, 136), 2 * PER_KECCAK_PERMUTATION);
        assert_eq!(work(MCOPY, 33), 2 * PER_COPIED_WORD);
        assert_eq!(work(CREATE2, 33), 2 * PER_INITCODE_WORD);
        assert_eq!(work(EXP, 5), 3 * PER_EXPONENT_BIT);
        for opcode in [KECCAK256, CREATE, RETURN] {
            assert!(work(opcode, u64::MAX) > u64::from(u32::MAX), "{opcode:#x}");
        }
    }
}
