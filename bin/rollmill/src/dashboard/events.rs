//! The stream that says that something has changed: each message tells the newest block, the head of the coordinator's log and the
//! number of reports on work. Whoever is slow misses messages and no change, because each says where things stand.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use alloy::consensus::{Header, Sealed};
use alloy_primitives::B256;
use axum::{
    extract::State,
    http::StatusCode,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use rollmill_runtime::Shutdown;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Site;

/// Shortest time between two messages: thousands of rollers may report each second.
const PAUSE: Duration = Duration::from_millis(250);

/// A message.
#[derive(Debug, Serialize)]
struct Stand {
    block: u64,
    /// Of that block: another one can get the number.
    hash: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reports: Option<u64>,
}

/// What one listener hears of.
struct News {
    blocks: watch::Receiver<Arc<Sealed<Header>>>,
    board: Option<watch::Receiver<u64>>,
    reports: Option<watch::Receiver<u64>>,
    shutdown: Shutdown,
    /// Nothing was said yet.
    is_new: bool,
    _place: OwnedSemaphorePermit,
}

/// `GET /events`: where things stand now, and again whenever that changes.
pub(super) async fn events(
    State(site): State<Site>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let place = site.streams.clone().try_acquire_owned();
    let observer = site.observer.as_ref();
    let news = News {
        blocks: site.chain.subscribe(),
        board: observer.map(|observer| observer.changes()),
        reports: observer.map(|observer| observer.reports()),
        shutdown: site.shutdown.clone(),
        is_new: true,
        _place: place.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?,
    };
    let messages = stream::unfold(news, |mut news| async move {
        let event = news.next().await?;
        Some((Ok(event), news))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::default()))
}

impl News {
    /// The next message; `None` when the node ends.
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::take(&mut self.is_new) {
            self.wait().await?;
        }
        let head = self.blocks.borrow_and_update().clone();
        let stand = Stand {
            block: head.number,
            hash: head.hash(),
            board: self.board.as_mut().map(latest),
            reports: self.reports.as_mut().map(latest),
        };
        let event = Event::default().json_data(stand);
        Some(event.expect("numbers and a hash are JSON"))
    }

    /// Until something has changed, and a while has passed.
    async fn wait(&mut self) -> Option<()> {
        let shutdown = self.shutdown.clone();
        let something = async {
            tokio::time::sleep(PAUSE).await;
            tokio::select! {
                changed = self.blocks.changed() => changed.ok(),
                changed = change(&mut self.board) => changed,
                changed = change(&mut self.reports) => changed,
            }
        };
        shutdown.run_until(something).await?
    }
}

fn latest(receiver: &mut watch::Receiver<u64>) -> u64 {
    *receiver.borrow_and_update()
}

/// The next change; never where there is nothing to change.
async fn change(receiver: &mut Option<watch::Receiver<u64>>) -> Option<()> {
    match receiver {
        Some(receiver) => receiver.changed().await.ok(),
        None => pending().await,
    }
}
