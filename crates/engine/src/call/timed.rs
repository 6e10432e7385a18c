//! The time limit of a simulation.
//!
//! Gas bounds what a simulation does, but not by seconds: a state override can hold the dearest code per gas there is. So
//! every instruction with which a program can repeat itself (jumps, calls, creations) now and then looks at the clock, and
//! after the deadline fails. A frame that fails gives its gas up, so the simulation unwinds within microseconds; its result
//! is thrown away by whoever asks [`Timed::expired`].

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    bytecode::{
        Bytecode,
        opcode::{CALL, CALLCODE, CREATE, CREATE2, DELEGATECALL, JUMP, JUMPI, STATICCALL},
    },
    interpreter::{
        Instruction, InstructionContext, InstructionExecResult, InstructionResult,
        interpreter::EthInterpreter,
    },
    state::{AccountInfo, EvmState},
};
use rollmill_stf::evm::{BlockContext, BlockEvm, metered};

/// How long the EVM runs for one request, at most.
pub(crate) const EVM_TIME_MAX: Duration = Duration::from_secs(5);
/// The clock is read once in so many repetitions.
const LOOK_EVERY: u32 = 1_024;

/// A point in time after which the work for a request is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}

/// A database with a deadline for whoever runs on it.
#[derive(Debug)]
pub(crate) struct Timed<DB> {
    pub(crate) database: DB,
    deadline: Deadline,
    repetitions: u32,
    expired: bool,
}

impl<DB> Timed<DB> {
    pub(crate) const fn new(database: DB, deadline: Deadline) -> Self {
        Self {
            database,
            deadline,
            repetitions: 0,
            expired: false,
        }
    }

    /// Whether a simulation was cut off.
    pub(crate) const fn expired(&self) -> bool {
        self.expired
    }
}

/// Something that knows when to stop.
pub(crate) trait Clocked {
    /// Counts a repetition; whether the time is over.
    fn late(&mut self) -> bool;
}

impl<DB> Clocked for Timed<DB> {
    fn late(&mut self) -> bool {
        self.repetitions = self.repetitions.wrapping_add(1);
        if self.repetitions.is_multiple_of(LOOK_EVERY) && !self.expired {
            self.expired = self.deadline.is_over();
        }
        self.expired
    }
}

impl<T: Clocked> Clocked for &mut T {
    fn late(&mut self) -> bool {
        T::late(self)
    }
}

impl<DB: Database> Database for Timed<DB> {
    type Error = DB::Error;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        self.database.basic(address)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, DB::Error> {
        self.database.code_by_hash(code_hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        self.database.storage(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, DB::Error> {
        self.database.block_hash(number)
    }
}

impl<DB: DatabaseCommit> DatabaseCommit for Timed<DB> {
    fn commit(&mut self, changes: EvmState) {
        self.database.commit(changes);
    }
}

/// A database that reads through a shared reference, as tracers want it.
pub(crate) struct Shared<'a, DB>(pub(crate) RefCell<&'a mut DB>);

impl<DB: Database> DatabaseRef for Shared<'_, DB> {
    type Error = DB::Error;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DB::Error> {
        self.0.borrow_mut().basic(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, DB::Error> {
        self.0.borrow_mut().code_by_hash(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DB::Error> {
        self.0.borrow_mut().storage(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DB::Error> {
        self.0.borrow_mut().block_hash(number)
    }
}

/// Defines for each opcode a function that looks at the clock before it runs the instruction, and puts it into the table.
macro_rules! timed_instructions {
    ($table:ident, $($opcode:ident),* $(,)?) => {$({
        fn timed<DB: Database + Clocked>(
            context: InstructionContext<'_, BlockContext<DB>, EthInterpreter>,
        ) -> InstructionExecResult {
            if context.host.journaled_state.database.late() {
                return Err(InstructionResult::OutOfGas);
            }
            metered::<{ $opcode }, DB>(context)
        }
        $table[usize::from($opcode)] = Instruction::new(timed);
    })*};
}

/// Makes the EVM obey its database's deadline.
pub(crate) fn obey_deadline<DB: Database + Clocked>(evm: &mut BlockEvm<DB>) {
    let table = evm.instruction.instruction_table_mut();
    timed_instructions!(
        table,
        JUMP,
        JUMPI,
        CALL,
        CALLCODE,
        DELEGATECALL,
        STATICCALL,
        CREATE,
        CREATE2,
    );
}
