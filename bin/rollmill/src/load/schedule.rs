//! Who sends what, and when: pure bookkeeping, time is an argument.
//!
//! Model: each sender is one nonce sequence. Its transactions are signed ahead into its stock and handed out in their order, at
//! most `window` of them in no block yet, and one request at a time, so that no network reorders them. Senders take turns.
//! With a rate, the k-th transaction is due k/rate after the begin, however late it is sent: a slow chain cannot hide its
//! delays by slowing the load down. Without one, a transaction is due when it is handed out.
//!
//! Rules for answers: an acknowledged transaction waits for its block; one that is to be tried again keeps its place and goes out
//! before the sender's others; any other refusal ends its sender, because nothing after a missing nonce can be executed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Range,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes};

/// A signed transaction and the hash by which its block is recognised.
#[derive(Clone, Debug)]
pub struct Signed {
    /// EIP-2718 bytes.
    pub raw: Bytes,
    /// Transaction hash.
    pub hash: B256,
}

/// How fast.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Transactions a second; 0 is as many as the windows let through.
    pub rate: u32,
    /// Most transactions of a sender that no block holds yet.
    pub window: usize,
    /// Most transactions handed out together.
    pub batch: usize,
    /// Signed transactions that a sender keeps in stock.
    pub ahead: usize,
}

/// A transaction on its way out.
#[derive(Clone, Debug)]
pub struct Job {
    /// Position of its sender.
    pub sender: usize,
    /// The transaction.
    pub signed: Signed,
    /// It was sent before, and the answer was to try again.
    pub again: bool,
    due: Instant,
}

/// What the node said to a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Acknowledged, now or by an earlier request whose answer was lost.
    Accepted,
    /// Not now: full, too fast, or no answer at all.
    Later(String),
    /// Never.
    Refused(String),
}

/// What a connection does next.
#[derive(Debug)]
pub enum Take {
    /// Send these.
    Send(Vec<Job>),
    /// Nothing is due for so long.
    Wait(Duration),
    /// Everybody waits for blocks, answers or signatures.
    Idle,
    /// Everything was handed out and answered.
    Done,
}

/// Transactions to sign: these nonces of this sender.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// Position of the sender.
    pub sender: usize,
    /// Its next nonces.
    pub nonces: Range<u64>,
}

/// Signatures in one order.
const ORDER_MAX: u64 = 32;

#[derive(Debug, Default)]
struct Sender {
    next_nonce: u64,
    /// Transactions that it shall still sign.
    unsigned: u64,
    /// An order is being signed.
    signing: bool,
    /// To be tried again, before the stock.
    again: VecDeque<Job>,
    stock: VecDeque<Signed>,
    /// Handed out and in no block.
    outstanding: usize,
    /// Its request is on its way, or it rests after one.
    busy: bool,
    queued: bool,
    stopped: bool,
}

impl Sender {
    fn has_work(&self, window: usize) -> bool {
        !self.again.is_empty() || (!self.stock.is_empty() && self.outstanding < window)
    }

    /// Signatures that it shall order now.
    fn order(&self, ahead: usize) -> Option<u64> {
        let length = ORDER_MAX.min(self.unsigned).min(ahead as u64);
        let has_room = self.stock.len() as u64 + length <= ahead as u64;
        (length > 0 && has_room && !self.signing && !self.stopped).then_some(length)
    }

    fn is_finished(&self) -> bool {
        let nothing = self.again.is_empty() && self.stock.is_empty();
        !self.busy && !self.signing && (self.stopped || (nothing && self.unsigned == 0))
    }
}

/// A transaction that was handed out and is in no block that was read.
#[derive(Debug)]
struct Sent {
    sender: usize,
    due: Instant,
    accepted: bool,
}

/// What happened so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Transactions handed out, each counted once.
    pub submitted: u64,
    /// Acknowledged.
    pub accepted: u64,
    /// Seen in a block.
    pub included: u64,
    /// Refused for ever, by the reason that the node gave.
    pub refused: BTreeMap<String, u64>,
    /// Answers that were no answer: the transaction was sent again.
    pub deferred: BTreeMap<String, u64>,
    /// From due to acknowledged, microseconds.
    pub submit_us: Vec<u64>,
    /// From due to seen in a block, microseconds.
    pub inclusion_us: Vec<u64>,
    /// Transactions of this run by block number.
    pub blocks: BTreeMap<u64, Vec<B256>>,
    /// Begin, and when the last block with one of them was seen.
    pub span: Option<(Instant, Instant)>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    senders: Vec<Sender>,
    /// Senders that can send, in turn.
    ready: VecDeque<usize>,
    sent: HashMap<B256, Sent>,
    begun: Option<Instant>,
    closed: bool,
    /// Where the search for the next order begins.
    cursor: usize,
    tally: Tally,
}

impl Schedule {
    /// `plan` has a sender's next nonce and how many transactions it sends.
    pub fn new(pace: Pace, plan: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let senders = plan.into_iter().map(|(next_nonce, unsigned)| Sender {
            next_nonce,
            unsigned,
            ..Sender::default()
        });
        Self {
            pace,
            senders: senders.collect(),
            ready: VecDeque::new(),
            sent: HashMap::new(),
            begun: None,
            closed: false,
            cursor: 0,
            tally: Tally::default(),
        }
    }

    /// From now on transactions are due.
    pub fn begin(&mut self, now: Instant) {
        self.begun = Some(now);
        self.tally.span = Some((now, now));
    }

    /// Nothing more is handed out.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// What happened so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Acknowledged transactions that no block holds yet.
    pub fn missing(&self) -> u64 {
        self.sent.values().filter(|sent| sent.accepted).count() as u64
    }

    /// Senders that were ended by a refusal.
    pub fn stopped(&self) -> u64 {
        self.senders.iter().filter(|sender| sender.stopped).count() as u64
    }

    /// What should be signed next, if there is something.
    pub fn order(&mut self) -> Option<Order> {
        if self.closed {
            return None;
        }
        let (count, ahead) = (self.senders.len(), self.pace.ahead);
        let (index, length) = (0..count)
            .map(|step| (self.cursor + step) % count)
            .find_map(|index| Some((index, self.senders[index].order(ahead)?)))?;
        self.cursor = index + 1;
        let sender = &mut self.senders[index];
        let nonces = sender.next_nonce..sender.next_nonce + length;
        sender.signing = true;
        sender.next_nonce = nonces.end;
        sender.unsigned -= length;
        Some(Order {
            sender: index,
            nonces,
        })
    }

    /// Takes signed transactions in, as ordered.
    pub fn stocked(&mut self, index: usize, signed: impl IntoIterator<Item = Signed>) {
        let sender = &mut self.senders[index];
        sender.stock.extend(signed);
        sender.signing = false;
        self.queue(index);
    }

    /// Whether there is nothing that could be signed before transactions are handed out.
    pub fn is_stocked(&self) -> bool {
        let ahead = self.pace.ahead;
        let is_stocked = |sender: &Sender| !sender.signing && sender.order(ahead).is_none();
        self.closed || self.senders.iter().all(is_stocked)
    }

    /// Whether no signature will be needed any more.
    pub fn is_signed(&self) -> bool {
        let done = |sender: &Sender| sender.unsigned == 0 || sender.stopped;
        self.closed || self.senders.iter().all(done)
    }

    /// What a connection that is free does now.
    pub fn take(&mut self, now: Instant) -> Take {
        let Some(begun) = self.begun.filter(|_| !self.closed) else {
            return Take::Done;
        };
        let elapsed = now.saturating_duration_since(begun);
        let mut jobs = Vec::new();
        let mut early = None;
        while jobs.len() < self.pace.batch
            && let Some(index) = self.ready.pop_front()
        {
            self.senders[index].queued = false;
            let before = jobs.len();
            early = self.take_from(index, (begun, elapsed), &mut jobs);
            let sender = &mut self.senders[index];
            sender.busy = jobs.len() > before;
            self.queue(index);
            if early.is_some() {
                break;
            }
        }
        match early {
            _ if !jobs.is_empty() => Take::Send(jobs),
            Some(wait) => Take::Wait(wait),
            None if self.senders.iter().all(Sender::is_finished) => Take::Done,
            None => Take::Idle,
        }
    }

    /// Takes from one sender; returns how long it is until the next transaction is due when that is what stops it.
    fn take_from(
        &mut self,
        index: usize,
        (begun, elapsed): (Instant, Duration),
        jobs: &mut Vec<Job>,
    ) -> Option<Duration> {
        let Self {
            senders,
            sent,
            tally,
            pace,
            ..
        } = self;
        let sender = &mut senders[index];
        while jobs.len() < pace.batch {
            if let Some(job) = sender.again.pop_front() {
                // In a block meanwhile: only the answer was lost.
                if sent.contains_key(&job.signed.hash) {
                    jobs.push(job);
                } else {
                    tally.accepted += 1;
                }
                continue;
            }
            if sender.outstanding >= pace.window || sender.stock.is_empty() {
                return None;
            }
            let due = due(pace.rate, tally.submitted, elapsed);
            if due > elapsed {
                return Some(due - elapsed);
            }
            let signed = sender.stock.pop_front()?;
            let due = begun + due;
            tally.submitted += 1;
            sender.outstanding += 1;
            let entry = Sent {
                sender: index,
                due,
                accepted: false,
            };
            sent.insert(signed.hash, entry);
            jobs.push(Job {
                sender: index,
                signed,
                again: false,
                due,
            });
        }
        None
    }

    /// Takes a request's answers in. Returns the senders that must rest before they go on.
    pub fn answered(&mut self, answers: Vec<(Job, Answer)>, now: Instant) -> Vec<usize> {
        let mut busy: Vec<usize> = answers.iter().map(|(job, _)| job.sender).collect();
        busy.dedup();
        let mut resting = Vec::new();
        // From the last to the first, so that what is tried again stays in its order before what waits to be.
        for (job, answer) in answers.into_iter().rev() {
            let (index, hash) = (job.sender, job.signed.hash);
            match answer {
                Answer::Accepted => {
                    self.tally.accepted += 1;
                    let waited = now.saturating_duration_since(job.due);
                    self.tally.submit_us.push(micros(waited));
                    if let Some(sent) = self.sent.get_mut(&hash) {
                        sent.accepted = true;
                    }
                }
                Answer::Later(reason) => {
                    *self.tally.deferred.entry(reason).or_default() += 1;
                    let job = Job { again: true, ..job };
                    self.senders[index].again.push_front(job);
                    if resting.last() != Some(&index) {
                        resting.push(index);
                    }
                }
                Answer::Refused(reason) => {
                    *self.tally.refused.entry(reason).or_default() += 1;
                    self.senders[index].stopped = true;
                    if self.sent.remove(&hash).is_some() {
                        self.senders[index].outstanding -= 1;
                    }
                }
            }
        }
        for index in busy {
            if !resting.contains(&index) {
                self.rested(index);
            }
        }
        resting
    }

    /// The sender may go on.
    pub fn rested(&mut self, index: usize) {
        self.senders[index].busy = false;
        self.queue(index);
    }

    /// A block was seen.
    pub fn block(&mut self, number: u64, hashes: &[B256], now: Instant) {
        let mut ours = Vec::new();
        for hash in hashes {
            let Some(Sent { sender, due, .. }) = self.sent.remove(hash) else {
                continue;
            };
            ours.push(*hash);
            let waited = now.saturating_duration_since(due);
            self.tally.inclusion_us.push(micros(waited));
            self.senders[sender].outstanding -= 1;
            self.queue(sender);
        }
        if !ours.is_empty() {
            self.tally.included += ours.len() as u64;
            self.tally.blocks.insert(number, ours);
            if let Some((_, last)) = &mut self.tally.span {
                *last = now;
            }
        }
    }

    /// Puts a sender in the queue if it can send and is not there.
    fn queue(&mut self, index: usize) {
        let sender = &mut self.senders[index];
        let can = !sender.busy && !sender.stopped && sender.has_work(self.pace.window);
        if can && !sender.queued {
            sender.queued = true;
            self.ready.push_back(index);
        }
    }
}

/// When the `index`-th transaction is due, from the begin.
fn due(rate: u32, index: u64, elapsed: Duration) -> Duration {
    match rate {
        0 => elapsed,
        rate => Duration::from_secs_f64(index as f64 / f64::from(rate)),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
