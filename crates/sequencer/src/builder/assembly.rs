//! The open block, on a thread of its own: an EVM cannot move between threads, and it lives as long as its block.
//!
//! [`Assembly`] is the handle: each of its calls runs one function on that thread and waits for the answer. The thread ends
//! with the handle, which waits for it, so that the chain's file is free afterwards.

use std::{
    ops::RangeInclusive,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use alloy_consensus::transaction::Recovered;
use alloy_primitives::B256;
use rollmill_engine::{
    Chain, Confirmed,
    stf::{BlockAttributes, Transaction},
};
use rollmill_protocol::L1Message;
use tokio::sync::{mpsc, oneshot};

use super::{
    AHEAD_S_MAX, BlockLimits, BuildError,
    draft::{Draft, Executor, Offered},
};
use crate::Mempool;

/// Transactions that are confirmed together: the first of them waits for the execution of all. Writing them down costs the same
/// for one and for many, so the more wait, the more go together, up to what is executed in some tens of milliseconds.
const CONFIRMED_AT_ONCE: RangeInclusive<usize> = 100..=1_000;
/// The part of those that wait that is confirmed together.
const CONFIRMED_PART: usize = 4;

/// How many transactions are confirmed together at most when so many wait.
pub fn confirmed_at_once(waiting: usize) -> usize {
    (waiting / CONFIRMED_PART).clamp(*CONFIRMED_AT_ONCE.start(), *CONFIRMED_AT_ONCE.end())
}

/// After so long the builder looks whether the block is to be sealed, however much still waits.
const CONFIRMING_MAX: Duration = Duration::from_millis(50);

type Job = Box<dyn FnOnce(&mut Bench) + Send>;

/// What the thread works on.
struct Bench {
    chain: Chain,
    pool: Arc<Mempool>,
    limits: BlockLimits,
    /// The open block, if it holds something.
    open: Option<Draft>,
}

/// Handle of the thread.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The queue and the thread; taken apart in the end.
    thread: Option<(mpsc::UnboundedSender<Job>, JoinHandle<()>)>,
    is_open: bool,
}

/// What a block is begun with.
pub(super) struct Inputs {
    pub(super) now_s: u64,
    pub(super) prevrandao: B256,
    /// The next L1 messages, if no block is open.
    pub(super) messages: Vec<L1Message>,
}

/// What became of the open block.
pub(super) struct Extended {
    /// L1 messages executed.
    pub(super) messages: u64,
    /// Something waits that did not fit.
    pub(super) is_full: bool,
    /// It was time to look at the clock, and not everything was tried.
    pub(super) is_interrupted: bool,
    is_open: bool,
}

impl Assembly {
    /// Starts the thread.
    pub(super) fn start(chain: Chain, pool: Arc<Mempool>, limits: BlockLimits) -> Self {
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let work = move || {
            let mut bench = Bench {
                chain,
                pool,
                limits,
                open: None,
            };
            while let Some(job) = queue.blocking_recv() {
                job(&mut bench);
            }
        };
        let builder = thread::Builder::new().name("sequencer.blocks".to_owned());
        let thread = builder
            .spawn(work)
            .expect("INVARIANT: the system has room for one more thread");
        Self {
            thread: Some((jobs, thread)),
            is_open: false,
        }
    }

    /// Whether a block is open that holds something.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Executes again, in its order, what was confirmed before the last end of the process; only then the pool takes in what is
    /// owed another execution, and what it kept. Returns how many L1 messages were confirmed.
    pub(super) async fn recover(&mut self) -> Result<u64, BuildError> {
        let messages = self.run(Bench::recover).await?;
        self.run(|bench| bench.pool.follow_back()).await?;
        self.run(|bench| bench.pool.restore()).await;
        self.is_open = messages.is_some();
        Ok(messages.unwrap_or_default())
    }

    /// Drops the open block: its parent was taken back.
    pub(super) async fn reset(&mut self) {
        self.run(|bench| bench.open = None).await;
        self.is_open = false;
    }

    /// Confirms what waits, in a new block if none is open.
    pub(super) async fn extend(&mut self, inputs: Inputs) -> Result<Extended, BuildError> {
        let extended = self.run(move |bench| bench.extend(inputs)).await?;
        self.is_open = extended.is_open;
        Ok(extended)
    }

    /// Seals the open block; `false` when there is none, or its timestamp is not below `limit_s`.
    pub(super) async fn seal(&mut self, limit_s: u64) -> Result<bool, BuildError> {
        let sealed = self.run(move |bench| bench.seal(limit_s)).await?;
        self.is_open &= !sealed;
        Ok(sealed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |bench| {
            // Nobody listens if the call was given up.
            let _ = answer.send(work(bench));
        });
        let (jobs, _) = self.thread.as_ref().expect("INVARIANT: taken in drop");
        // After a panic the job comes back, and with it the sender of the answer goes.
        drop(jobs.send(job));
        answered
            .await
            .expect("INVARIANT: the thread that builds blocks does not panic")
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        if let Some((jobs, thread)) = self.thread.take() {
            drop(jobs);
            // A panic of the thread was shown by its hook, and by the call that waited.
            let _ = thread.join();
        }
    }
}

impl Bench {
    /// Number of L1 messages in the recovered block; `None` when none was open.
    fn recover(&mut self) -> Result<Option<u64>, BuildError> {
        let Some(Confirmed {
            header,
            transactions,
        }) = self.chain.confirmed()?
        else {
            return Ok(None);
        };
        let attributes =
            BlockAttributes::rollmill(header.timestamp, header.mix_hash, header.gas_limit);
        let mut draft = Draft::new(self.chain.begin_block(attributes)?, self.limits);
        let mut messages = 0;
        for transaction in transactions {
            messages += u64::from(transaction.as_l1_message().is_some());
            draft.push_confirmed(transaction)?;
        }
        self.confirm(&draft.block)?;
        tracing::info!(
            block = draft.block.header().number,
            transactions = draft.len(),
            "sequencer.open_block_recovered"
        );
        self.open = Some(draft);
        Ok(Some(messages))
    }

    fn seal(&mut self, limit_s: u64) -> Result<bool, BuildError> {
        let draft = self
            .open
            .take_if(|draft| draft.block.header().timestamp < limit_s);
        let Some(Draft { block, .. }) = draft else {
            return Ok(false);
        };
        let (executed, _) = block.finish()?;
        let head = self.chain.append(&executed, &[])?;
        tracing::info!(
            block = head.number,
            transactions = executed.transactions.len(),
            gas = head.gas_used,
            "sequencer.block"
        );
        Ok(true)
    }

    fn extend(&mut self, inputs: Inputs) -> Result<Extended, BuildError> {
        let mut extended = Extended {
            messages: 0,
            is_full: false,
            is_interrupted: false,
            is_open: false,
        };
        let mut draft = match self.open.take() {
            Some(draft) => draft,
            None => {
                let Some(block) = self.begin(&inputs)? else {
                    return Ok(extended);
                };
                let mut draft = Draft::new(block, self.limits);
                extended.messages = draft.push_messages(inputs.messages)?;
                if extended.messages > 0 {
                    self.confirm(&draft.block)?;
                }
                draft
            }
        };
        self.confirm_waiting(&mut draft, &mut extended)?;
        extended.is_open = draft.len() > 0;
        self.open = extended.is_open.then_some(draft);
        Ok(extended)
    }

    /// Puts what was pushed on disk, shows it, and lets the pool go on from there.
    fn confirm(&self, block: &Executor) -> Result<(), BuildError> {
        let open = self.chain.confirm(block)?;
        self.pool.follow(&open);
        Ok(())
    }

    /// A new block, if there is something for it and its time is not too far ahead.
    fn begin(&self, inputs: &Inputs) -> Result<Option<Executor>, BuildError> {
        let head = self.chain.head();
        let timestamp = inputs.now_s.max(head.timestamp + 1);
        let is_idle = inputs.messages.is_empty() && self.pool.is_empty();
        if is_idle || timestamp > inputs.now_s + AHEAD_S_MAX {
            return Ok(None);
        }
        let attributes = BlockAttributes::rollmill(timestamp, inputs.prevrandao, head.gas_limit);
        Ok(Some(self.chain.begin_block(attributes)?))
    }

    /// Says whether something waits that did not fit, or was not tried.
    fn confirm_waiting(
        &self,
        draft: &mut Draft,
        extended: &mut Extended,
    ) -> Result<(), BuildError> {
        let begun = Instant::now();
        loop {
            let at_once = confirmed_at_once(self.pool.len());
            let owed = self.pool.taken_back(at_once);
            let is_over = match owed.is_empty() {
                true => self.confirm_ready(draft, at_once, &mut extended.is_full)?,
                false => self.redo(draft, owed, &mut extended.is_full)?,
            };
            if is_over {
                return Ok(());
            }
            if begun.elapsed() > CONFIRMING_MAX {
                extended.is_interrupted = true;
                return Ok(());
            }
        }
    }

    /// Executes again, in its order, what was taken back with its blocks. Returns whether the first of the rest waits for room.
    fn redo(
        &self,
        draft: &mut Draft,
        owed: Vec<Recovered<Transaction>>,
        is_full: &mut bool,
    ) -> Result<bool, BuildError> {
        let before = draft.len();
        let (mut count, mut early) = (0, Vec::new());
        for transaction in owed {
            match draft.offer(transaction.clone())? {
                Offered::NoRoom => {
                    *is_full = true;
                    break;
                }
                Offered::Early => early.push(transaction),
                Offered::Executed | Offered::Refused => {}
            }
            count += 1;
        }
        if draft.len() > before {
            self.confirm(&draft.block)?;
        }
        self.pool.redone(count, early)?;
        Ok(*is_full)
    }

    /// Confirms up to `at_once` of those that wait. `is_full` becomes true when one waits for room. Returns whether that was
    /// all that this block can do for them.
    fn confirm_ready(
        &self,
        draft: &mut Draft,
        at_once: usize,
        is_full: &mut bool,
    ) -> Result<bool, BuildError> {
        let before = draft.len();
        let ready = self.pool.executable(draft.room().clamp(1, at_once));
        let mut refused = Vec::new();
        for transaction in ready {
            let hash = transaction.hash();
            match draft.offer(transaction)? {
                Offered::Executed | Offered::Early => {}
                Offered::NoRoom => *is_full = true,
                Offered::Refused => refused.push(hash),
            }
        }
        let is_stuck = refused.is_empty() && draft.len() == before;
        if draft.len() > before {
            self.confirm(&draft.block)?;
        }
        self.pool.remove(refused);
        Ok(is_stuck)
    }
}
