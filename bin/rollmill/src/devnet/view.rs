//! What a person sees of a devnet: one line for everything that happens, one bar for every seat that proves.
//!
//! The view only looks: it polls the coordinator's public API and L2's JSON-RPC, as anybody may. On a terminal the bars stay
//! at the bottom and the lines scroll above them; elsewhere there are only lines.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write as _,
    time::Duration,
};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
};
use alloy_primitives::{Address, U256};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rollmill_l1::scr;
use rollmill_protocol::{Round, TaskId};
use rollmill_roller_api::{Client, SeatState, SeatView, TaskState, TaskView};
use rollmill_runtime::{Shutdown, counted};

/// How often the view looks.
const POLL: Duration = Duration::from_millis(250);
/// Length of a bar in steps.
const BAR_STEPS: u64 = 1_000;

/// Everything the view remembers, to say each thing once.
#[derive(Debug)]
pub struct View {
    bars: MultiProgress,
    seats: HashMap<(TaskId, Round, Address), Seat>,
    tasks: HashMap<TaskId, Told>,
    names: BTreeMap<Address, String>,
    /// The newest block that was told of, or was there before; none before the first look.
    last_block: Option<u64>,
}

/// What was said of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    state: TaskState,
    draws: usize,
}

impl Told {
    fn of(task: &TaskView) -> Self {
        Self {
            state: task.state,
            draws: task.draws.len(),
        }
    }
}

#[derive(Debug)]
struct Seat {
    bar: ProgressBar,
    state: SeatState,
}

impl View {
    /// A view that calls rollers by `names`.
    pub fn new(names: BTreeMap<Address, String>) -> Self {
        Self {
            bars: MultiProgress::new(),
            seats: HashMap::new(),
            tasks: HashMap::new(),
            names,
            last_block: None,
        }
    }

    /// A handle that prints lines without disturbing the bars.
    pub fn printer(&self) -> Printer {
        Printer(self.bars.clone())
    }

    /// Looks until shutdown. A failed look is tried again: the node may be starting.
    pub async fn watch(mut self, coordinator: Client, l2: DynProvider, shutdown: Shutdown) {
        let mut ticks = tokio::time::interval(POLL);
        // Once more after the end of the work, so that its last events are told too.
        let mut ends = false;
        while !ends {
            ends = shutdown.run_until(ticks.tick()).await.is_none();
            if let Err(error) = self.look(&coordinator, &l2).await {
                tracing::debug!(%error, "the node did not answer the view");
            }
        }
        for seat in self.seats.values() {
            seat.bar.finish_and_clear();
        }
    }

    async fn look(&mut self, coordinator: &Client, l2: &DynProvider) -> eyre::Result<()> {
        let latest = l2.get_block_number().await?;
        let Some(told) = self.last_block else {
            let tasks = coordinator.tasks().await?;
            if let Some(line) = self.remember(latest, &tasks) {
                self.printer().say(line);
            }
            return Ok(());
        };
        self.show_blocks(l2, told, latest).await?;
        self.show_tasks(&coordinator.tasks().await?);
        Ok(())
    }

    /// What was there before the first look is no news: it is told in one line, and from then on what changes of it.
    fn remember(&mut self, latest: u64, tasks: &[TaskView]) -> Option<String> {
        self.last_block = Some(latest);
        for task in tasks {
            self.tasks.insert(task.task, Told::of(task));
            for seat in &task.seats {
                // An open seat gets its bar when it is looked at.
                if seat.state != SeatState::Open {
                    let told = Seat {
                        bar: ProgressBar::hidden(),
                        state: seat.state,
                    };
                    let key = (task.task, seat.round, seat.roller);
                    self.seats.insert(key, told);
                }
            }
        }
        let batches = tasks.iter().map(|task| task.batch).max().unwrap_or(0);
        if (latest, batches) == (0, 0) {
            return None;
        }
        let open = tasks.iter().filter(|task| task.state != TaskState::Settled);
        Some(format!(
            "from before: blocks up to {latest}, batches up to {batches}, {} of them not settled",
            open.count()
        ))
    }

    async fn show_blocks(
        &mut self,
        l2: &DynProvider,
        mut told: u64,
        latest: u64,
    ) -> eyre::Result<()> {
        while told < latest {
            let number = told + 1;
            let Some(block) = l2
                .get_block_by_number(BlockNumberOrTag::Number(number))
                .await?
            else {
                break;
            };
            let (count, gas) = (block.transactions.len() as u64, block.header.gas_used);
            let count = counted(count, "transaction");
            self.printer()
                .say(format!("block {number}: {count}, {gas} gas, pre-confirmed"));
            told = number;
            self.last_block = Some(number);
        }
        Ok(())
    }

    fn show_tasks(&mut self, tasks: &[TaskView]) {
        for task in tasks {
            let before = self.tasks.insert(task.task, Told::of(task));
            if before.is_none() {
                let gas = task.prover_gas_estimate;
                self.printer().say(format!(
                    "batch {}: committed on L1, {gas} prover gas expected",
                    task.batch
                ));
            }
            for draw in task.draws.iter().skip(before.map_or(0, |told| told.draws)) {
                self.say_draw(task, draw.round);
            }
            for seat in &task.seats {
                self.show_seat(task, seat);
            }
            if before.map(|told| told.state) != Some(task.state) {
                self.say_state(task);
            }
        }
    }

    fn say_draw(&self, task: &TaskView, round: Round) {
        let seats = task.seats.iter().filter(|seat| seat.round == round);
        let drawn: Vec<String> = seats
            .map(|seat| {
                let tickets = counted(seat.tickets, "ticket");
                format!("{} ({tickets})", self.name(seat.roller))
            })
            .collect();
        self.printer().say(format!(
            "batch {}: round {round} drew {}",
            task.batch,
            drawn.join(", ")
        ));
    }

    fn say_state(&self, task: &TaskView) {
        let batch = task.batch;
        let line = match task.state {
            // Told by the commit and by the draws.
            TaskState::AwaitingDraw | TaskState::Proving => return,
            TaskState::Queued => format!("batch {batch}: waits for a place in the window"),
            TaskState::Closed => format!(
                "batch {batch}: closed, {} seats have reported",
                task.seats.len()
            ),
            TaskState::AwaitingLottery => {
                let entries: Vec<String> = task
                    .entries
                    .iter()
                    .map(|entry| self.name(entry.roller))
                    .collect();
                format!("batch {batch}: entries of {} are on L1", entries.join(", "))
            }
            TaskState::Settling => match task.lottery.as_ref().and_then(|lottery| lottery.winner) {
                Some(winner) => format!("batch {batch}: the lottery chose {}", self.name(winner)),
                None => format!("batch {batch}: settling without a winner"),
            },
            TaskState::Settled => match &task.settle {
                Some(settle) => format!(
                    "batch {batch}: settled on L1, {} to {}",
                    scr(U256::from(settle.reward_wei.0)),
                    settle
                        .roller
                        .map_or_else(|| "nobody".to_owned(), |roller| self.name(roller)),
                ),
                None => format!("batch {batch}: settled on L1"),
            },
        };
        self.printer().say(line);
    }

    fn show_seat(&mut self, task: &TaskView, view: &SeatView) {
        let label = format!("batch {} {}", task.batch, self.name(view.roller));
        let bars = &self.bars;
        let seat = self
            .seats
            .entry((task.task, view.round, view.roller))
            .or_insert_with(|| Seat {
                bar: bars.add(new_bar(label.clone())),
                state: SeatState::Open,
            });
        if view.state == SeatState::Open {
            let fraction = view.fraction.unwrap_or(0.0).clamp(0.0, 1.0);
            seat.bar.set_position((fraction * BAR_STEPS as f64) as u64);
            seat.bar.set_message(stage_line(view));
            return;
        }
        if seat.state == view.state {
            return;
        }
        seat.state = view.state;
        seat.bar.finish_and_clear();
        let verdict = match view.state {
            SeatState::Open => return,
            SeatState::OnTime => "valid, on time",
            SeatState::Posted => "posted on L1 in time",
            SeatState::Late => "valid, late",
            SeatState::Invalid => "INVALID, goes to L1 to be judged",
            SeatState::Missed => "missed",
            SeatState::Released => "released without penalty",
        };
        let seconds = view
            .prove_seconds
            .map_or_else(String::new, |s| format!(", proved in {s:.1} s"));
        let size = view
            .proof_bytes
            .map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
        let verified = view
            .verify_ms
            .map_or_else(String::new, |ms| format!(", verified in {ms:.1} ms"));
        let why = view
            .why
            .as_ref()
            .map_or_else(String::new, |why| format!(" ({why})"));
        self.printer()
            .say(format!("{label}: {verdict}{seconds}{size}{verified}{why}"));
    }

    fn name(&self, roller: Address) -> String {
        self.names
            .get(&roller)
            .cloned()
            .unwrap_or_else(|| roller.to_string())
    }
}

/// Prints lines above the bars.
#[derive(Clone, Debug)]
pub struct Printer(MultiProgress);

impl Printer {
    /// Prints one line, to standard output where there is no terminal.
    pub fn say(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if self.0.is_hidden() {
            // Whoever read the output may have gone: the network goes on.
            let _ = writeln!(std::io::stdout(), "{line}");
        } else if let Err(error) = self.0.println(line) {
            tracing::debug!(%error, line, "cannot print");
        }
    }
}

fn new_bar(label: String) -> ProgressBar {
    let style = ProgressStyle::with_template("  {prefix:24} {bar:30} {percent:>3} % {msg}")
        .expect("the template is a constant of this program");
    ProgressBar::new(BAR_STEPS)
        .with_style(style)
        .with_prefix(label)
}

fn stage_line(view: &SeatView) -> String {
    match (view.stage, view.eta_s) {
        (None, _) => "drawn".to_owned(),
        (Some(stage), Some(eta_s)) => format!("{stage}, about {eta_s} s left"),
        (Some(stage), None) => stage.to_string(),
    }
}
