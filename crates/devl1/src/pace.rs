//! The chain's time against the clock.
//!
//! Model: a timestamp is after its parent's, so a block that comes within the same second as the one before takes a second that
//! the clock has not had. Blocks on transactions alone would push the chain's time as far ahead as there are blocks, and what is
//! measured against both (a deadline, the age of a message) would be over before it began.
//!
//! - A new chain begins [`HEAD_START_S`] behind the clock, because contracts and stakes come at once, one after the other. What they do
//!   not use up of it interval blocks make up for, half of the rest each.
//! - [`AHEAD_S_MAX`] ahead of the clock, transactions wait for the clock's next second, and come into one block then.
//! - While the chain is ahead, interval blocks come a quarter later, so that the clock catches up.
//!
//! With a block time below a second the chain's time runs faster by intent, and none of this holds.

use std::time::Duration;

use tokio::time::Instant;

/// How far behind the clock a new chain begins, seconds: as many blocks as three rollers and a saboteur need to stake, and some.
const HEAD_START_S: u64 = 45;
/// How far ahead of the clock transactions may push the chain, seconds: a slot of Ethereum, whose nodes' clocks are no better.
const AHEAD_S_MAX: u64 = 12;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Pace {
    block_time: Duration,
    /// How far behind the clock the chain is kept, seconds.
    behind_s: u64,
    next_interval: Instant,
}

impl Pace {
    /// From now on, on a chain that has blocks already or not.
    pub(crate) fn new(block_time: Duration, is_new: bool) -> Self {
        let mut pace = Self {
            block_time,
            behind_s: 0,
            next_interval: Instant::now() + block_time,
        };
        if is_new && pace.is_timed() {
            pace.behind_s = HEAD_START_S;
        }
        pace
    }

    /// When the next block comes, if no transaction does.
    pub(crate) fn next_interval(&self) -> Instant {
        self.next_interval
    }

    /// The next block's timestamp.
    pub(crate) fn timestamp(&self, now_s: u64, parent_s: u64) -> u64 {
        now_s.saturating_sub(self.behind_s).max(parent_s + 1)
    }

    /// Whether transactions wait, because a block with this timestamp would be too far ahead of the clock.
    pub(crate) fn holds(&self, now_s: u64, timestamp: u64) -> bool {
        self.is_timed() && timestamp > now_s + AHEAD_S_MAX
    }

    /// A block was made now, because it was its time or not.
    pub(crate) fn mined(&mut self, now_s: u64, timestamp: u64, by_interval: bool) {
        self.behind_s = self.behind_s.min(now_s.saturating_sub(timestamp));
        if by_interval {
            self.behind_s /= 2;
        }
        self.next_interval = Instant::now() + self.interval(timestamp > now_s);
    }

    /// Time from a block to the interval block after it.
    fn interval(&self, is_ahead: bool) -> Duration {
        if is_ahead && self.is_timed() {
            self.block_time + self.block_time / 4
        } else {
            self.block_time
        }
    }

    fn is_timed(&self) -> bool {
        self.block_time >= Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Timestamps of as many blocks on transactions as the clock allows at `now_s`.
    fn burst(pace: &mut Pace, now_s: u64, mut parent_s: u64) -> u64 {
        loop {
            let timestamp = pace.timestamp(now_s, parent_s);
            if pace.holds(now_s, timestamp) {
                return parent_s;
            }
            assert!(timestamp > parent_s);
            pace.mined(now_s, timestamp, false);
            parent_s = timestamp;
        }
    }

    #[test]
    fn time_is_the_clock_but_never_stands_still() {
        let pace = Pace::new(SECOND, false);
        assert_eq!(pace.timestamp(100, 50), 100);
        assert_eq!(pace.timestamp(100, 100), 101);
        assert_eq!(pace.timestamp(100, 130), 131);
    }

    #[test]
    fn a_burst_goes_ahead_of_the_clock_by_a_bound_and_then_with_it() {
        let mut pace = Pace::new(SECOND, false);
        let last = burst(&mut pace, 1_000, 990);
        assert_eq!(last, 1_000 + AHEAD_S_MAX);
        assert_eq!(burst(&mut pace, 1_000, last), last);
        assert_eq!(burst(&mut pace, 1_001, last), last + 1);
    }

    #[test]
    fn a_new_chain_has_a_head_start_which_interval_blocks_make_up_for() {
        let mut pace = Pace::new(SECOND, true);
        assert_eq!(pace.timestamp(1_000, 5), 1_000 - HEAD_START_S);
        // Ten blocks at once.
        let mut parent_s = 5;
        for _ in 0..10 {
            parent_s = pace.timestamp(1_000, parent_s);
            pace.mined(1_000, parent_s, false);
        }
        assert_eq!(parent_s, 1_000 - HEAD_START_S + 9);
        for now_s in 1_001..1_008 {
            parent_s = pace.timestamp(now_s, parent_s);
            assert!(parent_s <= now_s);
            pace.mined(now_s, parent_s, true);
        }
        assert_eq!(pace.timestamp(1_008, parent_s), 1_008);
    }

    #[test]
    fn interval_blocks_wait_longer_while_the_chain_is_ahead() {
        let pace = Pace::new(SECOND, false);
        assert_eq!(pace.interval(false), SECOND);
        assert_eq!(pace.interval(true), Duration::from_millis(1_250));
        let fast = Pace::new(SECOND / 5, true);
        assert_eq!(fast.interval(true), SECOND / 5);
        assert_eq!(fast.timestamp(1_000, 5), 1_000);
        assert!(!fast.holds(1_000, 2_000));
    }
}
