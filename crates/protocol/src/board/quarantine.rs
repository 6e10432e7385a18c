//! Program versions under suspicion; see [`crate::law::quarantine`].

use super::{Action, Alarm, Board, BoardError, Turn};
use crate::{
    ids::{Roller, ScrWei},
    law::quarantine::{self, Tally},
};
use alloc::{collections::BTreeSet, vec::Vec};

/// Submissions for one version in the running epoch, and whether it is quarantined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VersionTally {
    /// Stake of the rollers that submitted, each counted once when it first did.
    stake_submitted: u128,
    rejected: BTreeSet<Roller>,
    is_quarantined: bool,
}

impl Board {
    /// Is a program version quarantined?
    pub fn is_quarantined(&self, program_version: u32) -> bool {
        self.versions
            .get(&program_version)
            .is_some_and(|version| version.is_quarantined)
    }

    /// Counts a submission; quarantines its version if too much stake fails with it.
    pub(super) fn tally(
        &mut self,
        program_version: u32,
        roller: Roller,
        is_rejected: bool,
        turn: &mut Turn,
    ) {
        let account = self.rollers.get_mut(&roller).expect("the roller is known");
        let is_first = account.versions.insert(program_version);
        let stake = account.stake.0;
        if !is_first && !is_rejected {
            return;
        }
        let version = self.versions.entry(program_version).or_default();
        if is_first {
            version.stake_submitted = version.stake_submitted.saturating_add(stake);
        }
        if !is_rejected {
            return;
        }
        version.rejected.insert(roller);
        let rejected = version
            .rejected
            .iter()
            .filter_map(|name| self.rollers.get(name));
        let stake_rejected =
            rejected.fold(0u128, |sum, account| sum.saturating_add(account.stake.0));
        let tally = Tally {
            stake_submitted: ScrWei(version.stake_submitted),
            stake_rejected: ScrWei(stake_rejected),
            rollers_rejected: u32::try_from(version.rejected.len()).unwrap_or(u32::MAX),
        };
        if !version.is_quarantined && quarantine::is_due(&self.params.quarantine, &tally) {
            version.is_quarantined = true;
            turn.actions
                .push(Action::Alarm(Alarm::Quarantined { program_version }));
        }
    }

    /// Begins a new epoch's tallies. Quarantines stand.
    pub(super) fn end_tallies(&mut self) {
        self.versions.retain(|_, version| version.is_quarantined);
        for version in self.versions.values_mut() {
            version.stake_submitted = 0;
            version.rejected.clear();
        }
    }

    pub(super) fn on_quarantine_lifted(
        &mut self,
        program_version: u32,
        turn: &mut Turn,
    ) -> Result<(), BoardError> {
        if !self.is_quarantined(program_version) {
            return Err(BoardError::AlreadyApplied);
        }
        let pending: Vec<Action> = self.judgements().collect();
        self.versions.remove(&program_version);
        let resumed: Vec<Action> = self
            .judgements()
            .filter(|action| !pending.contains(action))
            .collect();
        turn.actions.extend(resumed);
        Ok(())
    }
}
