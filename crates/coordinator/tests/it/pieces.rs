//! A snapshot that is too large for one transaction, on a real L1: three rollers, one in each piece.

use rollmill_l1::contracts::Control;
use rollmill_roller_api::HeartbeatRequest;
use rollmill_test_l1::{account, eventually};

use crate::embedded::Network;

#[tokio::test]
async fn a_snapshot_in_pieces_is_the_boards() {
    let network = Network::start((600, 600)).await;
    let clients = [1u8, 2, 3].map(|number| network.client(number));
    for (index, client) in (1..).zip(&clients) {
        network.stake(account(index), client).await;
    }
    let beat = HeartbeatRequest {
        ready: true,
        ..HeartbeatRequest::default()
    };
    eventually("the first snapshot", async || {
        if network.observer.board().rollers().count() == clients.len() {
            for client in &clients {
                client.heartbeat(&beat).await.unwrap();
            }
        }
        (network.observer.board().epoch() == 1).then_some(())
    })
    .await;
    let board = network.observer.board();
    let snapshot = board.snapshot(1).unwrap();
    assert_eq!(snapshot.leaves().len(), 3);
    let control = Control::new(network.deployment.control, network.provider.clone());
    assert_eq!(control.pieceCount(1).call().await.unwrap().to::<u64>(), 2);
    let on_l1 = network.rollup().snapshots(1).call().await.unwrap();
    assert_eq!(on_l1.root, snapshot.root());

    network.commit(1).await;
    eventually("a draw among all", async || {
        let board = network.observer.board();
        let drawn = board.task_by_batch(1)?.rounds.first()?.draw.clone();
        (drawn.tickets().values().sum::<u32>() == board.params().k).then_some(())
    })
    .await;
    network.stop().await;
}
