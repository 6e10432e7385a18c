//! Program versions under suspicion: what L1 decided, and until when; see [`crate::law::quarantine`].

use super::{Action, Alarm, Board, BoardError, Turn};
use crate::law::quarantine::trusted_from;
use alloc::vec::Vec;

impl Board {
    /// Is a program version quarantined?
    pub fn is_quarantined(&self, program_version: u32) -> bool {
        self.quarantines
            .get(&program_version)
            .is_some_and(|from| self.epoch < *from)
    }

    pub(super) fn on_version_quarantined(
        &mut self,
        program_version: u32,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        let from = trusted_from(self.epoch);
        if self.quarantines.get(&program_version) == Some(&from) {
            return Err(BoardError::AlreadyApplied);
        }
        self.quarantines.insert(program_version, from);
        turn.actions
            .push(Action::Alarm(Alarm::Quarantined { program_version }));
        Ok(())
    }

    /// Lifts the quarantines that end with the epoch that is on L1 now; the accusations that they put off go on.
    pub(super) fn lift_quarantines(&mut self, turn: &mut Turn) {
        let epoch = self.epoch;
        let ended = self.quarantines.extract_if(.., |_, from| *from <= epoch);
        let ended: Vec<u32> = ended.map(|(program_version, _)| program_version).collect();
        if ended.is_empty() {
            return;
        }
        let resumed: Vec<Action> = self
            .judgements()
            .filter(|action| match action {
                Action::Judge { batch, .. } => ended.contains(&self.task(*batch).program_version),
                _ => false,
            })
            .collect();
        turn.actions.extend(resumed);
    }
}
