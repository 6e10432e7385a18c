//! States in words, the same wherever a program says them.

use std::fmt;

use crate::{OfferOutcome, SeatState, Stage, TaskState};

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Downloading => "downloading the witness",
            Self::Executing => "executing",
            Self::Proving => "proving segments",
            Self::Aggregating => "aggregating",
            Self::Verifying => "verifying its own proof",
            Self::Submitting => "submitting",
        })
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AwaitingDraw => "waits for its draw",
            Self::Queued => "waits for room in the window",
            Self::Proving => "proving",
            Self::Closed => "closed",
            Self::AwaitingLottery => "waits for its lottery",
            Self::Settling => "settling",
            Self::Settled => "settled",
        })
    }
}

impl fmt::Display for SeatState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::OnTime => "on time",
            Self::Posted => "posted on L1",
            Self::Late => "late",
            Self::Invalid => "invalid",
            Self::Missed => "missed",
            Self::Released => "released",
        })
    }
}

impl fmt::Display for OfferOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnTime => "on time",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::Invalid => "invalid",
            Self::Declined => "declined",
        })
    }
}
