//! An operator's machine: slots, a queue, and what its work costs.

use std::collections::VecDeque;

/// A job's number in its market.
pub type JobId = usize;

/// A machine at work.
#[derive(Clone, Debug)]
pub struct Machine {
    slots: u32,
    running: Vec<(JobId, u64)>,
    queue: VecDeque<JobId>,
    /// Is it switched on and connected?
    pub is_up: bool,
    /// Milliseconds of slots at work so far.
    pub busy_ms: u64,
}

impl Machine {
    /// An idle machine.
    pub fn new(slots: u32) -> Self {
        Self {
            slots,
            running: Vec::new(),
            queue: VecDeque::new(),
            is_up: true,
            busy_ms: 0,
        }
    }

    /// Proofs in work.
    pub fn busy(&self) -> u32 {
        u32::try_from(self.running.len()).unwrap_or(u32::MAX)
    }

    /// Proofs that wait.
    pub fn waiting(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    /// Slots.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Another number of slots; what runs goes on.
    pub fn resize(&mut self, slots: u32) {
        self.slots = slots;
    }

    /// Takes a job: true when it starts at once.
    pub fn take(&mut self, job: JobId, now_ms: u64) -> bool {
        let is_free = self.busy() < self.slots;
        if is_free {
            self.running.push((job, now_ms));
        } else {
            self.queue.push_back(job);
        }
        is_free
    }

    /// Ends or gives up a job; returns the next one, which starts now.
    pub fn end(&mut self, job: JobId, now_ms: u64) -> Option<JobId> {
        self.queue.retain(|waiting| *waiting != job);
        let at = self
            .running
            .iter()
            .position(|(running, _)| *running == job)?;
        let (_, since) = self.running.swap_remove(at);
        self.busy_ms += now_ms - since;
        if self.busy() >= self.slots {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.running.push((next, now_ms));
        Some(next)
    }

    /// Loses everything; returns the lost jobs.
    pub fn crash(&mut self, now_ms: u64) -> Vec<JobId> {
        self.is_up = false;
        self.busy_ms = self.busy_ms_at(now_ms);
        let running = self.running.drain(..).map(|(job, _)| job);
        running.chain(self.queue.drain(..)).collect()
    }

    /// Milliseconds for which a job has been at work; 0 while it waits.
    pub fn worked_ms(&self, job: JobId, now_ms: u64) -> u64 {
        let mut running = self.running.iter();
        running
            .find(|(running, _)| *running == job)
            .map_or(0, |(_, since)| now_ms - since)
    }

    /// Jobs at work and jobs that wait.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        let running = self.running.iter().map(|(job, _)| *job);
        running.chain(self.queue.iter().copied())
    }

    /// Milliseconds at work up to now, with what is still running.
    pub fn busy_ms_at(&self, now_ms: u64) -> u64 {
        self.busy_ms
            + self
                .running
                .iter()
                .map(|(_, since)| now_ms - since)
                .sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_wait_for_slots_in_order() {
        let mut machine = Machine::new(1);
        assert!(machine.take(1, 0));
        assert!(!machine.take(2, 10));
        assert!(!machine.take(3, 10));
        assert_eq!(machine.end(2, 20), None, "a waiting job just leaves");
        assert_eq!(machine.end(1, 50), Some(3));
        assert_eq!(
            (machine.busy(), machine.waiting(), machine.busy_ms),
            (1, 0, 50)
        );
        assert_eq!(machine.busy_ms_at(60), 60);
        assert_eq!(
            (machine.worked_ms(3, 60), machine.worked_ms(2, 60)),
            (10, 0)
        );
        assert_eq!(machine.jobs().collect::<Vec<_>>(), [3]);
        assert_eq!(machine.crash(70), [3]);
        assert_eq!((machine.busy(), machine.busy_ms), (0, 70));
    }
}
