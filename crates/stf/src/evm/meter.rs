//! What running the EVM costs the proof, which its gas does not tell: counted instruction by instruction, and bounded.
//!
//! Model: each transaction of the rollup begins with a budget, and each instruction takes what the schedule says of its opcode
//! ([`OPCODES`]) from it, and by the length of what it moves, hashes or takes of memory. [`instructions`] is revm's table with that
//! around each entry; precompiles take theirs by their input ([`super::BlockPrecompiles`]).
//!
//! Under the budget ([`execution_max`]), what would exceed it runs out of gas *before* the work is done: no transaction can make a batch
//! unprovable, or be dearer to prove than what its sender has held back for it.

use super::BlockContext;
use crate::rules::Rules;
use revm::{
    Database,
    bytecode::opcode::{
        CALL, CALLCODE, CALLDATACOPY, CODECOPY, CREATE, CREATE2, DELEGATECALL, EXP, EXTCODECOPY,
        KECCAK256, LOG0, LOG1, LOG2, LOG3, LOG4, MCOPY, MLOAD, MSTORE, MSTORE8, RETURN,
        RETURNDATACOPY, REVERT, STATICCALL,
    },
    context::TxEnv,
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        InstructionTable, instruction_table, interpreter::EthInterpreter,
    },
};
use rollmill_protocol::prover_gas::{
    OPCODES, PER_CODE_WORD, PER_COPIED_WORD, PER_EXPONENT_BIT, PER_KECCAK_PERMUTATION,
    PER_MEMORY_WORD, execution_max,
};

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
    /// Something was refused for want of budget.
    is_exhausted: bool,
}

/// Nothing ran, and as good as no bound.
impl Default for WorkMeter {
    fn default() -> Self {
        Self {
            before: 0,
            budget: u32::MAX,
            left: u32::MAX,
            is_exhausted: false,
        }
    }
}

impl WorkMeter {
    /// Sets the bound for a transaction that is about to run, and takes what comes before its first instruction.
    pub fn begin(&mut self, rules: &Rules, transaction: &TxEnv) {
        let budget = match rules {
            Rules::Ethereum(_) => u32::MAX,
            Rules::Rollmill(_) => {
                u32::try_from(execution_max(transaction.gas_limit)).unwrap_or(u32::MAX)
            }
        };
        *self = Self {
            before: self.execution(),
            budget,
            left: budget,
            is_exhausted: false,
        };
        if rules.is_rollmill() && transaction.kind.is_create() {
            self.take(code_words(transaction.data.len()).saturating_mul(PER_CODE_WORD));
        }
    }

    /// Prover gas of all that ran: by opcodes, lengths and precompiles.
    pub const fn execution(&self) -> u64 {
        self.before + (self.budget - self.left) as u64
    }

    /// Whether something of the transaction was refused for want of budget, and not of gas.
    pub const fn is_exhausted(&self) -> bool {
        self.is_exhausted
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
    pub(super) fn spend(&mut self, work: u32) -> InstructionExecResult {
        match self.left.checked_sub(work) {
            Some(left) => self.left = left,
            None => return Err(self.refuse()),
        }
        Ok(())
    }

    /// The end of a frame that asked for more than is left.
    #[cold]
    pub(super) fn refuse(&mut self) -> InstructionResult {
        self.is_exhausted = true;
        InstructionResult::OutOfGas
    }
}

/// Words of a code of this many bytes.
pub(crate) const fn code_words(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(WORD_BYTES)
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
    let hashed = keccak_permutations(number).saturating_mul(PER_KECCAK_PERMUTATION);
    match opcode {
        EXP => bits.saturating_mul(PER_EXPONENT_BIT),
        KECCAK256 => hashed,
        CREATE => words.saturating_mul(PER_CODE_WORD),
        // The code's hash is part of the address.
        CREATE2 => words.saturating_mul(PER_CODE_WORD).saturating_add(hashed),
        _ => words.saturating_mul(PER_COPIED_WORD),
    }
}

/// Whether the instruction can make its call's memory larger.
const fn takes_memory(opcode: u8) -> bool {
    let by_length = measure_at(opcode).is_some() && opcode != EXP;
    by_length
        || matches!(
            opcode,
            MLOAD | MSTORE | MSTORE8 | CALL | CALLCODE | DELEGATECALL | STATICCALL
        )
}

/// The instruction of this opcode, counted.
///
/// The opcode's work is taken before, as its gas is. What depends on a number is taken when the instruction has succeeded: a call with
/// little gas must not take the budget of its caller by asking for what it cannot pay. Memory is counted as soon as it is there, also when
/// the instruction fails behind that.
pub fn metered<const OPCODE: u8, DB: Database>(
    context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
) -> InstructionExecResult {
    let instruction =
        const { instruction_table::<EthInterpreter, BlockContext<DB>>()[OPCODE as usize] };
    let InstructionContext { interpreter, host } = context;
    host.chain
        .spend(const { OPCODES[OPCODE as usize] as u32 })?;
    let mut work = 0;
    if let Some(at) = const { measure_at(OPCODE) } {
        let number = interpreter.stack.peek(at).unwrap_or_default();
        work = measured_work(OPCODE, number.saturating_to(), number.bit_len() as u64);
        if work > u64::from(host.chain.left) {
            return Err(host.chain.refuse());
        }
    }
    let memory_bytes = if const { takes_memory(OPCODE) } {
        interpreter.memory.len()
    } else {
        0
    };
    let outcome = instruction.execute(InstructionContext {
        interpreter: &mut *interpreter,
        host: &mut *host,
    });
    if work > 0 && has_succeeded(outcome) {
        host.chain.take(work);
    }
    if const { takes_memory(OPCODE) } && interpreter.memory.len() > memory_bytes {
        let words = (interpreter.memory.len() - memory_bytes) as u64 / WORD_BYTES;
        host.chain.take(words * PER_MEMORY_WORD);
    }
    outcome
}

/// What ends a frame, or leaves it for another, is no success by its type.
fn has_succeeded(outcome: InstructionExecResult) -> bool {
    outcome.err().is_none_or(|result| {
        result.is_ok_or_revert() || matches!(result, InstructionResult::Suspend)
    })
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
    use alloc::vec;
    use alloy_primitives::{Address, TxKind};
    use rollmill_protocol::prover_gas::EXECUTION_MAX;

    const L2: Rules = Rules::Rollmill(RollmillRules { chain_id: 1 });

    fn begun(rules: &Rules, gas_limit: u64, kind: TxKind) -> WorkMeter {
        let mut meter = WorkMeter::default();
        let env = TxEnv {
            gas_limit,
            kind,
            data: vec![0; 33].into(),
            ..TxEnv::default()
        };
        meter.begin(rules, &env);
        meter
    }

    #[test]
    fn a_budget_follows_the_gas_limit_on_the_rollup_alone() {
        let call = TxKind::Call(Address::ZERO);
        let budget = |rules: &Rules, gas_limit| u64::from(begun(rules, gas_limit, call).left());
        assert_eq!(budget(&L2, 21_000), execution_max(21_000));
        assert_eq!(budget(&L2, u64::MAX), EXECUTION_MAX);
        let l1 = Rules::Ethereum(EthereumRules::at_fork(1, crate::Fork::Osaka));
        assert_eq!(budget(&l1, 21_000), u64::from(u32::MAX));
        assert_eq!(begun(&l1, 0, TxKind::Create).execution(), 0);
    }

    #[test]
    fn code_that_a_transaction_creates_with_is_counted() {
        let meter = begun(&L2, 60_000, TxKind::Create);
        assert_eq!(meter.execution(), 2 * PER_CODE_WORD);
        let call = TxKind::Call(Address::ZERO);
        assert_eq!(begun(&L2, 60_000, call).execution(), 0);
    }

    #[test]
    fn what_ran_adds_up_over_budgets_and_never_exceeds_one() {
        let mut meter = WorkMeter::default();
        meter.spend(5).unwrap();
        let env = TxEnv {
            gas_limit: 1,
            ..TxEnv::default()
        };
        meter.begin(&L2, &env);
        assert_eq!(meter.execution(), 5);
        let budget = meter.left();
        assert!(!meter.is_exhausted());
        assert_eq!(meter.spend(budget + 1), Err(InstructionResult::OutOfGas));
        assert!(meter.is_exhausted());
        assert_eq!(meter.left(), budget);
        meter.spend(budget).unwrap();
        meter.begin(&L2, &env);
        assert!(!meter.is_exhausted());
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
        assert_eq!(work(CREATE, 33), 2 * PER_CODE_WORD);
        let hashed_too = 2 * PER_CODE_WORD + PER_KECCAK_PERMUTATION;
        assert_eq!(work(CREATE2, 33), hashed_too);
        assert_eq!(work(EXP, 5), 3 * PER_EXPONENT_BIT);
        for opcode in [KECCAK256, CREATE, RETURN] {
            assert!(work(opcode, u64::MAX) > u64::from(u32::MAX), "{opcode:#x}");
        }
    }
}
