//! From which log a coordinator goes on: from the one that decided what L1 has.

use rollmill_coordinator::StartError;
use rollmill_test_l1::account;

use crate::embedded::Network;

#[tokio::test]
async fn an_l1_with_epochs_needs_the_log_that_made_them() {
    let network = Network::start((600, 600)).await;
    let nobodys = network.empty_store("nobodys").await;
    network.check_log(&nobodys).await.unwrap();

    let client = network.client(1);
    network.stake(account(1), &client).await;
    network.seat(&client, account(1).address()).await;
    network.check_log(&network.store).await.unwrap();
    // One that was begun before, and one that is begun now.
    for store in [nobodys, network.empty_store("fresh").await] {
        let error = network.check_log(&store).await.unwrap_err();
        let refused = matches!(
            error,
            StartError::NotOurLog {
                posted: 1,
                logged: 0
            }
        );
        assert!(refused, "{error}");
    }
    network.stop().await;
}
