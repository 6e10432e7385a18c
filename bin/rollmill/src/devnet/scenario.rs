//! The two scripted rounds of `devnet --once`, through public interfaces only.
//!
//! Round 1: deposit, ten transactions of users, a withdrawal; batch, draw, proofs, lottery, settlement; claim; the withdrawal
//! is paid on L1. Round 2: a roller is killed while it proves and a saboteur submits garbage; the batches still settle, the
//! first loses reputation, the second is judged and fined on L1.

use std::time::Instant;

use alloy::{
    network::{ReceiptResponse, TransactionBuilder},
    providers::Provider,
    rpc::types::{Filter, TransactionRequest},
    sol_types::SolEvent,
};
use alloy_primitives::{Address, B256, U256, utils::parse_ether};
use eyre::{ensure, eyre};
use rollmill_l1::{
    contracts::{Court, ExampleToken, WithdrawalQueue},
    scr,
};
use rollmill_protocol::{l2, withdrawal};
use rollmill_roller_api::{SeatState, SeatView, Stage, TaskState, TaskView};
use rollmill_sequencer::Sealer;

use super::{
    report::{Fine, Withdrawal},
    saboteur::judgements,
    world::{Steps, World, succeeded},
};

/// What the user brings to L2.
const DEPOSIT_ETHER: &str = "10";
/// L2 gas of a deposit.
const DEPOSIT_GAS: u64 = 100_000;
/// A transaction whose gas is given is not estimated, so that one that reverts can be sent.
const CALL_GAS: u64 = 100_000;
/// Batches that round 2 makes at most until both culprits were drawn. The saboteur is missed by a draw of three tickets
/// with probability 1/8.
const SABOTAGE_BATCHES_MAX: u32 = 12;

/// The users of the script.
#[derive(Clone, Copy, Debug)]
pub struct Users {
    /// Holds the wallet of [`World`].
    pub user: Address,
    /// Receives.
    pub friend: Address,
}

/// Round 1; returns the withdrawal's way.
pub async fn round_one(
    world: &World,
    users: Users,
    sealer: &Sealer,
    steps: &Steps,
) -> eyre::Result<Withdrawal> {
    let printer = &world.printer;
    steps
        .run(printer, "deposit", deposit(world, users.user))
        .await?;
    steps
        .run(printer, "transactions", ten_transactions(world, users))
        .await?;
    let (l2_tx, block) = steps
        .run(printer, "withdrawal", begin_withdrawal(world, users.user))
        .await?;
    sealer.seal();
    let batch = steps
        .run(printer, "commit", world.committed_batch_of(block))
        .await?;
    let task = prove_and_settle(world, batch, steps).await?;
    steps.run(printer, "claim", claim(world, &task)).await?;
    let finalization = finalize_withdrawal(world, batch, block, users.user);
    let l1_tx = steps
        .run(printer, "finalize withdrawal", finalization)
        .await?;
    Ok(Withdrawal {
        l2_tx,
        l1_tx,
        finalized: true,
    })
}

/// A committed batch's way to its settlement, with equal state roots at its end.
async fn prove_and_settle(world: &World, batch: u64, steps: &Steps) -> eyre::Result<TaskView> {
    use TaskState::{AwaitingDraw, AwaitingLottery, Closed, Proving, Queued};
    let printer = &world.printer;
    let stages: [(&str, &[TaskState]); 3] = [
        ("draw", &[AwaitingDraw, Queued]),
        ("prove", &[AwaitingDraw, Queued, Proving, Closed]),
        (
            "lottery",
            &[AwaitingDraw, Queued, Proving, Closed, AwaitingLottery],
        ),
    ];
    for (name, before) in stages {
        let what = format!("the {name} of batch {batch}");
        let over = world.task_when(batch, &what, |task| !before.contains(&task.state));
        steps.run(printer, name, over).await?;
    }
    let task = steps
        .run(printer, "settle", world.settled_task(batch))
        .await?;
    steps
        .run(printer, "state roots", check_state_roots(world, batch))
        .await?;
    Ok(task)
}

/// Round 2: makes batches until the killed roller has missed a seat and the saboteur is fined.
pub async fn round_two(
    world: &World,
    users: Users,
    sealer: &Sealer,
    saboteur: Address,
    steps: &Steps,
) -> eyre::Result<Vec<Fine>> {
    let printer = &world.printer;
    let (mut killed, mut fines) = (None, Vec::new());
    for _ in 0..SABOTAGE_BATCHES_MAX {
        let block = steps
            .run(printer, "transactions", transfers(world, users.friend, 3))
            .await?;
        sealer.seal();
        let batch = steps
            .run(printer, "commit", world.committed_batch_of(block))
            .await?;
        if killed.is_none() {
            let kill = kill_one_that_proves(world, batch, saboteur);
            killed = steps.run(printer, "kill a roller", kill).await?;
        }
        let task = prove_and_settle(world, batch, steps).await?;
        let seat = task
            .seats
            .iter()
            .find(|seat| seat.roller == saboteur && seat.state == SeatState::Invalid);
        if fines.is_empty() && seat.is_some() {
            fines.push(
                steps
                    .run(printer, "fine", fine(world, &task, saboteur))
                    .await?,
            );
        }
        if killed.is_some() && !fines.is_empty() {
            break;
        }
    }
    let both = async { both_drawn(killed, &fines) };
    let killed = steps.run(printer, "sabotage", both).await?;
    steps
        .run(printer, "reputation", loses_reputation(world, killed))
        .await?;
    Ok(fines)
}

/// The roller that was killed, if it was drawn, and the saboteur too.
fn both_drawn(killed: Option<Address>, fines: &[Fine]) -> eyre::Result<Address> {
    ensure!(
        !fines.is_empty(),
        "in {SABOTAGE_BATCHES_MAX} batches the saboteur was not fined"
    );
    killed.ok_or_else(|| {
        eyre!("in {SABOTAGE_BATCHES_MAX} batches no honest roller was seen to prove")
    })
}

async fn deposit(world: &World, user: Address) -> eyre::Result<()> {
    let value = parse_ether(DEPOSIT_ETHER)?;
    let fee =
        U256::from(world.deployment.parameters.message_gas_price_wei) * U256::from(DEPOSIT_GAS);
    let before = world.l2.get_balance(user).await?;
    let receipt = world
        .rollup()
        .sendMessage(user, DEPOSIT_GAS, Default::default())
        .value(value + fee)
        .send()
        .await?
        .get_receipt()
        .await?;
    succeeded("the deposit on L1", &receipt)?;
    world
        .until("the deposit to arrive on L2", async || {
            Ok((world.l2.get_balance(user).await? == before + value).then_some(()))
        })
        .await
}

/// Four transfers, the deployment of a token, four transfers of it, and a call that reverts.
async fn ten_transactions(world: &World, users: Users) -> eyre::Result<()> {
    transfers(world, users.friend, 4).await?;
    let supply = U256::from(1_000_000);
    let token = ExampleToken::deploy(world.l2.clone(), supply).await?;
    let mut sent = Vec::new();
    for amount in 1..=4 {
        let transfer = token.transfer(users.friend, U256::from(amount));
        sent.push(transfer.send().await?);
    }
    let too_much = token.transfer(users.friend, supply).gas(CALL_GAS);
    let too_much = too_much.send().await?;
    for transfer in sent {
        succeeded("a token transfer", &transfer.get_receipt().await?)?;
    }
    let too_much = too_much.get_receipt().await?;
    ensure!(
        !too_much.status(),
        "a token transfer above the balance did not revert"
    );
    let balance = token.balanceOf(users.friend).call().await?;
    ensure!(
        balance == U256::from(10),
        "the friend holds {balance} tokens instead of 10"
    );
    Ok(())
}

/// Sends ETH `count` times and returns the last one's block.
async fn transfers(world: &World, to: Address, count: u64) -> eyre::Result<u64> {
    let begun = Instant::now();
    let mut sent = Vec::new();
    for n in 0..count {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_value(U256::from(1_000 + n));
        sent.push(world.l2.send_transaction(request).await?);
    }
    let mut block = None;
    for transfer in sent {
        let receipt = transfer.get_receipt().await?;
        succeeded("a transfer", &receipt)?;
        if block.is_none() {
            let elapsed = begun.elapsed().as_millis();
            world
                .printer
                .say(format!("first transfer pre-confirmed after {elapsed} ms"));
        }
        block = receipt.block_number();
    }
    block.ok_or_else(|| eyre!("a transfer has no block"))
}

/// Begins a withdrawal; returns its transaction and its block.
async fn begin_withdrawal(world: &World, recipient: Address) -> eyre::Result<(B256, u64)> {
    let queue = WithdrawalQueue::new(l2::WITHDRAWAL_QUEUE, world.l2.clone());
    let value = parse_ether("1")?;
    let receipt = queue
        .initiateWithdrawal(recipient)
        .value(value)
        .send()
        .await?
        .get_receipt()
        .await?;
    succeeded("the withdrawal on L2", &receipt)?;
    let block = receipt.block_number();
    let block = block.ok_or_else(|| eyre!("the withdrawal has no block"))?;
    Ok((receipt.transaction_hash, block))
}

async fn check_state_roots(world: &World, batch: u64) -> eyre::Result<()> {
    let (l1, l2) = world.state_roots(batch).await?;
    ensure!(
        l1 == l2,
        "batch {batch}: L1 holds state root {l1}, the sequencer {l2}"
    );
    Ok(())
}

async fn claim(world: &World, task: &TaskView) -> eyre::Result<()> {
    let settle = task
        .settle
        .as_ref()
        .ok_or_else(|| eyre!("the task has no settlement"))?;
    let roller = settle
        .roller
        .ok_or_else(|| eyre!("batch {} settled without a winner", task.batch))?;
    let (claimed_wei, reward_wei) = (world.claim(roller).await?, U256::from(settle.reward_wei.0));
    ensure!(
        claimed_wei >= reward_wei,
        "the winner's credit is {}, its reward {}",
        scr(claimed_wei),
        scr(reward_wei)
    );
    Ok(())
}

/// Finalises the withdrawal of L2 block `block` with a proof made from L2's public logs.
async fn finalize_withdrawal(
    world: &World,
    batch: u64,
    block: u64,
    recipient: Address,
) -> eyre::Result<B256> {
    let last_block = world.rollup().batches(batch).call().await?.lastBlock;
    let filter = Filter::new()
        .address(l2::WITHDRAWAL_QUEUE)
        .event_signature(WithdrawalQueue::WithdrawalInitiated::SIGNATURE_HASH)
        .from_block(0)
        .to_block(last_block);
    let domain = world.deployment.withdrawal_domain();
    let (mut leaves, mut ours) = (Vec::new(), None);
    for log in world.l2.get_logs(&filter).await? {
        let event = WithdrawalQueue::WithdrawalInitiated::decode_log(&log.inner)?.data;
        let withdrawal = withdrawal::Withdrawal::from(event);
        leaves.push(withdrawal.leaf(&domain));
        if log.block_number == Some(block) && withdrawal.recipient == recipient {
            ours = Some(withdrawal);
        }
    }
    let ours = ours.ok_or_else(|| eyre!("the withdrawal of block {block} left no log"))?;
    let proof = withdrawal::proof(&leaves, ours.index)
        .ok_or_else(|| eyre!("no proof for index {}", ours.index))?;
    let before = world.l1.get_balance(recipient).await?;
    let amount_wei = ours.amount_wei;
    let receipt = world
        .rollup()
        .finalizeWithdrawal(batch, ours.into(), proof)
        .send()
        .await?
        .get_receipt()
        .await?;
    succeeded("the withdrawal on L1", &receipt)?;
    let fee = U256::from(receipt.effective_gas_price()) * U256::from(receipt.gas_used());
    let after = world.l1.get_balance(recipient).await?;
    ensure!(
        after + fee == before + amount_wei,
        "the withdrawal did not reach the recipient on L1"
    );
    Ok(receipt.transaction_hash)
}

/// Kills an honest roller that is proving the batch; `None` when the draw took no honest one, or all were too quick.
async fn kill_one_that_proves(
    world: &World,
    batch: u64,
    saboteur: Address,
) -> eyre::Result<Option<Address>> {
    let works = |seat: &SeatView| seat.roller != saboteur && seat.state == SeatState::Open;
    let proves = |seat: &SeatView| works(seat) && seat.stage == Some(Stage::Proving);
    let task = world
        .task_when(batch, "a roller to prove", |task| {
            !task.seats.is_empty()
                && (task.seats.iter().any(proves) || !task.seats.iter().any(works))
        })
        .await?;
    let Some(seat) = task.seats.iter().find(|seat| proves(seat)) else {
        return Ok(None);
    };
    let name = world.rollers.kill(seat.roller)?;
    world
        .printer
        .say(format!("{name} was killed while it proved batch {batch}"));
    Ok(Some(seat.roller))
}

/// The judgement of the saboteur's submission on L1.
async fn fine(world: &World, task: &TaskView, saboteur: Address) -> eyre::Result<Fine> {
    let filter = judgements(&world.deployment, saboteur).topic1(U256::from(task.batch));
    world
        .until("the saboteur to be judged on L1", async || {
            let Some(log) = world.l1.get_logs(&filter).await?.pop() else {
                return Ok(None);
            };
            let judged = Court::SubmissionJudged::decode_log(&log.inner)?.data;
            ensure!(
                !judged.valid && !judged.fineWei.is_zero(),
                "L1 did not fine the saboteur"
            );
            let l1_tx = log.transaction_hash.unwrap_or_default();
            Ok(Some(Fine {
                task: task.task.0,
                roller: saboteur,
                scr_wei: judged.fineWei,
                l1_tx,
            }))
        })
        .await
}

/// The next epoch brings the killed roller's reputation ratio below those that did nothing wrong.
async fn loses_reputation(world: &World, killed: Address) -> eyre::Result<()> {
    let initial = rollmill_protocol::law::Params::default().q_init;
    world
        .until("the killed roller to lose reputation", async || {
            let record = world.coordinator.roller(killed).await?;
            Ok((record.missed > 0 && record.q < initial).then_some(()))
        })
        .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_second_round_without_its_culprits_has_failed() {
        let killed = Address::repeat_byte(1);
        let fine = Fine {
            task: B256::ZERO,
            roller: Address::repeat_byte(2),
            scr_wei: U256::from(1),
            l1_tx: B256::ZERO,
        };
        let fines = [fine];
        assert_eq!(both_drawn(Some(killed), &fines).unwrap(), killed);
        let failed = both_drawn(Some(killed), &[]).unwrap_err();
        assert!(failed.to_string().contains("the saboteur was not fined"));
        let failed = both_drawn(None, &fines).unwrap_err();
        assert!(failed.to_string().contains("no honest roller"));
    }
}
