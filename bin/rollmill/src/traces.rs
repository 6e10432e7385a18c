//! The way of each batch as a trace: one span for the whole, from its first block to its settlement, and one for each time that it
//! waited, was worked on, or was blocked in a stage (`metrics::stages`). Rollers that tell the same collector add what they did, because the
//! trace has its id from the task's: who knows a transaction's batch finds all of it.
//!
//! Nothing is remembered: after a restart a batch's spans begin with the start, the whole with its first block as ever.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use eyre::WrapErr;
use rollmill_coordinator::Observer;
use rollmill_engine::Chain;
use rollmill_protocol::BatchNumber;
use rollmill_runtime::{
    Clock, Shutdown, Tasks, blocking, chain as causes,
    traces::{Span, Trace, Tracer, tracer},
};
use rollmill_store::{BatchRecord, BatchState, Store};

use crate::metrics::stages::{Place, place};

/// Pause between looks.
const LOOK: Duration = Duration::from_secs(1);

/// Follows batches and tells their spans.
struct Traces {
    tracer: Tracer,
    observer: Observer,
    store: Store,
    chain: Chain,
}

/// Tells the way of batches to the collector at `url`, if there is one.
pub fn start(
    url: Option<&str>,
    (observer, store, chain): (Observer, Store, Chain),
    tasks: &mut Tasks,
) -> eyre::Result<()> {
    let Some(url) = url else {
        return Ok(());
    };
    let (tracer, exporter) = tracer(url, "rollmill").wrap_err("--otlp")?;
    let traces = Traces {
        tracer,
        observer,
        store,
        chain,
    };
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("traces", traces.run(shutdown.clone()));
    tasks.spawn("traces.export", exporter.run(shutdown));
    Ok(())
}

/// Batches on their way.
#[derive(Debug, Default)]
struct Ways {
    open: BTreeMap<BatchNumber, Way>,
    /// The last batch that was seen.
    seen: BatchNumber,
}

/// One batch.
#[derive(Clone, Debug)]
struct Way {
    trace: Trace,
    attributes: Vec<(&'static str, String)>,
    began_unix_ms: u64,
    /// Where it is, and since when.
    place: Place,
    since_unix_ms: u64,
}

impl Traces {
    /// Looks until the shutdown.
    async fn run(self, shutdown: Shutdown) -> Result<(), Infallible> {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ways = Ways::default();
        while shutdown.run_until(ticks.tick()).await.is_some() {
            if let Err(error) = self.look(&mut ways).await {
                tracing::warn!("batches are not followed now: {}", causes(&*error));
            }
        }
        Ok(())
    }

    async fn look(&self, ways: &mut Ways) -> eyre::Result<()> {
        let sealed = self
            .store
            .last_batch(BatchState::Sealed)
            .await?
            .unwrap_or(0);
        let l1_block = self.observer.cursor().map_or(0, |cursor| cursor.block);
        let (settled, places) = self.observer.look(|board| {
            let settled = board.settled_through();
            let tasks = board.unsettled();
            let places =
                tasks.map(|task| (task.batch, place(task, task.batch == settled + 1, l1_block)));
            (settled, places.collect::<BTreeMap<_, _>>())
        });
        let now_unix_ms = Clock::System.now_unix_ms();
        for batch in ways.seen.max(settled) + 1..=sealed {
            if let Some(record) = self.store.batch(batch).await? {
                ways.open
                    .insert(batch, self.begin(&record, now_unix_ms).await?);
            }
        }
        let spans = ways.advance((sealed, settled), &places, now_unix_ms);
        spans.into_iter().for_each(|span| self.tracer.tell(span));
        Ok(())
    }

    async fn begin(&self, record: &BatchRecord, now_unix_ms: u64) -> eyre::Result<Way> {
        let (chain, first) = (self.chain.clone(), record.first_block);
        let header = blocking(move || chain.header(first)).await?;
        let began_unix_ms = header.map_or(now_unix_ms, |header| header.timestamp * 1000);
        let way = Way::new(record, began_unix_ms, now_unix_ms);
        let collected = (began_unix_ms, now_unix_ms);
        let attributes = way.attributes.clone();
        self.tracer
            .tell(way.trace.part("collected", collected, attributes));
        Ok(way)
    }
}

impl Ways {
    /// Batches are sealed and settled as far as this, and those between stand where `places` says: what is over now.
    fn advance(
        &mut self,
        (sealed, settled): (BatchNumber, BatchNumber),
        places: &BTreeMap<BatchNumber, Place>,
        now_unix_ms: u64,
    ) -> Vec<Span> {
        // L1 can take batches back.
        self.seen = sealed;
        self.open.retain(|batch, _| *batch <= sealed);
        let mut over = Vec::new();
        self.open.retain(|batch, way| {
            let is_settled = *batch <= settled;
            let now = places.get(batch).copied().unwrap_or(Place::BUILT);
            if is_settled || now != way.place {
                over.push(way.part(now_unix_ms));
                (way.place, way.since_unix_ms) = (now, now_unix_ms);
            }
            if is_settled {
                over.push(way.whole(now_unix_ms));
            }
            !is_settled
        });
        over
    }
}

impl Way {
    fn new(record: &BatchRecord, began_unix_ms: u64, now_unix_ms: u64) -> Self {
        let attributes = vec![
            ("batch", record.number.to_string()),
            ("task", record.task.to_string()),
            ("first_block", record.first_block.to_string()),
            ("last_block", record.last_block.to_string()),
        ];
        Self {
            trace: Trace::of_task(record.task.0),
            attributes,
            began_unix_ms,
            place: Place::BUILT,
            since_unix_ms: now_unix_ms,
        }
    }

    /// What it did since it came where it is.
    fn part(&self, now_unix_ms: u64) -> Span {
        let times = (self.since_unix_ms, now_unix_ms);
        self.trace
            .part(&self.place.to_string(), times, self.attributes.clone())
    }

    /// All of it.
    fn whole(&self, now_unix_ms: u64) -> Span {
        let times = (self.began_unix_ms, now_unix_ms);
        self.trace.whole("batch", times, self.attributes.clone())
    }
}

#[cfg(test)]
mod tests {
    use rollmill_protocol::PublicValues;
    use serde_json::Value;

    use super::*;

    fn way(number: u64) -> Way {
        let record = BatchRecord {
            number,
            first_block: 1,
            last_block: 9,
            state: BatchState::Sealed,
            task: [7; 32].into(),
            witness_hash: Default::default(),
            data: Default::default(),
            commit_fields: Value::Null,
            public_values: PublicValues::default(),
            stats: Value::Null,
            committed: None,
            settled: None,
        };
        Way::new(&record, 1_000, 5_000)
    }

    #[test]
    fn a_batch_tells_each_stage_when_it_ends_and_all_of_it_at_the_end() {
        let mut ways = Ways::default();
        ways.open.insert(1, way(1));
        ways.open.insert(2, way(2));
        let told = |spans: Vec<Span>| -> Vec<(String, u64, u64)> {
            let spans = spans.into_iter();
            let times = |span: Span| (span.name, span.start_unix_ms, span.end_unix_ms);
            spans.map(times).collect()
        };
        let built = ways.advance((2, 0), &BTreeMap::new(), 6_000);
        assert!(built.is_empty());
        let places = BTreeMap::from([(1, Place::QUEUED)]);
        let committed = ways.advance((2, 0), &places, 8_000);
        assert_eq!(
            told(committed),
            [("built.waiting".to_owned(), 5_000, 8_000)]
        );
        let settled = ways.advance((2, 1), &BTreeMap::new(), 9_000);
        let expected = [
            ("drawing.blocked".to_owned(), 8_000, 9_000),
            ("batch".to_owned(), 1_000, 9_000),
        ];
        assert_eq!(told(settled), expected);
        // L1 took the second one back: there is nothing to tell of it.
        assert!(ways.advance((1, 1), &BTreeMap::new(), 9_500).is_empty());
        assert!(ways.open.is_empty());
    }
}
