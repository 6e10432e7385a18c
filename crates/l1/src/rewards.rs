//! What L1 owes rollers.
//!
//! | what | whose | until |
//! |---|---|---|
//! | credits in RewardPool, and arrears that the pool can pay by now | the roller's | for ever |
//! | shares of the emission of epochs that are over | the roller's | for ever |
//! | the reward of a batch that settled unpaid ([`late_share`]) | the lottery's winner, for its proof | `ClaimS` after the settlement |
//! | the reward of a batch that settled with others by its winner's proof (the same) | the lottery's winner | for ever |
//!
//! Anybody may bring L1 to pay; each amount goes where the roller said. The third has a time limit, within which the lottery's
//! beacon must be stored, too: the winner does it, or the operator, whose bond answers for a beacon that is lost and for bytes that it held.

use std::collections::BTreeSet;

use alloy::{
    contract::Error as ContractError,
    eips::BlockId,
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider},
    transports::TransportError,
};
use rollmill_protocol::{ProofCommitment, ProofDigest, PublicValues};

use crate::{
    Deployment, HeaderError, Mined, SendError, Sender, calls,
    contracts::{
        Emission, RewardPool,
        Rollup::{self, Entry},
        Settlement::{self, Claim, Contribution},
    },
    header_rlp, purpose,
};

/// L1 could not be asked, or did not take a transaction.
#[derive(Debug, thiserror::Error)]
pub enum RewardError {
    /// L1 does not answer: try again.
    #[error("cannot read the contracts on L1")]
    Read(#[from] ContractError),
    /// L1 does not answer: try again.
    #[error("L1 does not answer")]
    Rpc(#[from] TransportError),
    /// The header of a lottery's block cannot be shown.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A transaction was refused or could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Batches settled together by a call through another contract, of which L1 does not show what was in it.
    #[error("L1 does not show whose proofs settled batch {0}")]
    Hidden(u64),
}

/// What a roller can have at any time. Amounts in SCR-wei.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Credits.
    pub credits_wei: U256,
    /// The part of the arrears that the pool can pay now; it becomes credit first.
    pub arrears_wei: U256,
    /// Shares of the emission, by epoch.
    pub emission: Vec<(u64, U256)>,
}

impl Owed {
    /// All of it.
    pub fn total_wei(&self) -> U256 {
        let emission = self.emission.iter().map(|(_, share)| *share);
        emission.fold(self.credits_wei + self.arrears_wei, |sum, share| {
            sum + share
        })
    }
}

/// What L1 owes a roller without a time limit.
///
/// # Errors
/// L1 does not answer.
pub async fn owed(
    l1: &DynProvider,
    deployment: &Deployment,
    roller: Address,
) -> Result<Owed, RewardError> {
    let pool = RewardPool::new(deployment.reward_pool, l1);
    let arrears = pool.arrears(roller).call().await?;
    let arrears_wei = match arrears.is_zero() {
        true => U256::ZERO,
        false => arrears.min(pool.available().call().await?),
    };
    let emission = Emission::new(deployment.emission, l1);
    let current = emission.currentEpoch().call().await?;
    let worked = emission
        .WorkRecorded_filter()
        .topic2(roller.into_word())
        .from_block(deployment.block)
        .query()
        .await?;
    let epochs: BTreeSet<u64> = worked.iter().map(|(event, _)| event.epoch).collect();
    let mut shares = Vec::new();
    for epoch in epochs.range(..current).copied() {
        if emission.gasOf(epoch, roller).call().await?.is_zero() {
            continue;
        }
        let share = emission.claim(epoch, roller).call().await?;
        if !share.is_zero() {
            shares.push((epoch, share));
        }
    }
    Ok(Owed {
        credits_wei: pool.credits(roller).call().await?,
        arrears_wei,
        emission: shares,
    })
}

/// The entries of a batch as they stand on L1; none while they are not posted.
///
/// # Errors
/// L1 does not answer.
pub async fn entries(
    l1: &DynProvider,
    deployment: &Deployment,
    batch: u64,
) -> Result<Vec<Entry>, RewardError> {
    let rollup = Rollup::new(deployment.rollup, l1);
    let stored = rollup.batches(batch).call().await?;
    if stored.entriesHash.is_zero() {
        return Ok(Vec::new());
    }
    let posted_in = stored.lotteryBlock - rollup.lotteryLag().call().await?;
    let posted = rollup
        .EntriesPosted_filter()
        .topic1(B256::from(U256::from(batch)))
        .from_block(posted_in)
        .to_block(posted_in)
        .query()
        .await?;
    let last = posted.into_iter().next_back();
    Ok(last.map(|(event, _)| event.entries).unwrap_or_default())
}

/// What is held for the winner of a batch that settled without it.
#[derive(Clone, Debug)]
pub struct Held {
    /// Batch.
    pub batch: u64,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The lottery's winner among them.
    pub winner: Entry,
    /// With what the batch settled, where it settled with others and nobody has asked for its reward yet.
    pub together: Option<Together>,
}

/// Batches that settled by one proof.
#[derive(Clone, Debug)]
pub struct Together {
    /// The last of them.
    pub last: u64,
    /// Whose proofs they were, in order of the batches.
    pub contributions: Vec<Contribution>,
}

impl Together {
    /// Did this proof of the roller settle the batch?
    fn holds(&self, batch: u64, roller: Address, proof: ProofCommitment) -> bool {
        let back = usize::try_from(self.last - batch).unwrap_or(usize::MAX);
        let mut backwards = self.contributions.iter().rev();
        let contribution = backwards.nth(back);
        contribution.is_some_and(|own| (own.roller, own.proof) == (roller, proof.0))
    }
}

/// The late share of a batch.
#[derive(Clone, Debug)]
pub enum LateShare {
    /// The batch is not settled: it may come to it.
    Open,
    /// Nothing is held, and nothing will be: the winner was paid, there were no entries, the time is over, or nobody asked for has an entry.
    Nothing,
    /// Held for the winner.
    Held(Held),
}

/// The late share of a batch; with `roller`, only if it has an entry. Stores the lottery's beacon if nobody has: without it there is
/// no winner. Repeating it is harmless.
///
/// # Errors
/// L1 does not answer, or does not take the header of the lottery's block any more.
pub async fn late_share(
    sender: &Sender,
    deployment: &Deployment,
    batch: u64,
    roller: Option<Address>,
) -> Result<LateShare, RewardError> {
    let l1 = sender.provider();
    let rollup = Rollup::new(deployment.rollup, l1);
    let stored = rollup.batches(batch).call().await?;
    if stored.settledAt == 0 {
        return Ok(LateShare::Open);
    }
    if stored.paid || stored.entriesHash.is_zero() {
        return Ok(LateShare::Nothing);
    }
    let together = together(l1, deployment, batch).await?;
    if together.is_none() {
        let pool = RewardPool::new(deployment.reward_pool, l1);
        let until = pool.heldUntilS(batch).call().await?;
        let head = l1.get_block(BlockId::latest()).await?;
        if head.is_none_or(|head| head.header.timestamp >= until) {
            return Ok(LateShare::Nothing);
        }
    }
    let entries = entries(l1, deployment, batch).await?;
    if roller.is_some_and(|roller| entries.iter().all(|entry| entry.roller != roller)) {
        return Ok(LateShare::Nothing);
    }
    store_beacon(sender, deployment, stored.lotteryBlock).await?;
    let winner = rollup.winnerOf(batch, entries.clone()).call().await?;
    Ok(LateShare::Held(Held {
        batch,
        entries,
        winner,
        together,
    }))
}

/// With what a batch settled; `None` unless its reward is still to be resolved.
async fn together(
    l1: &DynProvider,
    deployment: &Deployment,
    batch: u64,
) -> Result<Option<Together>, RewardError> {
    let settlement = Settlement::new(deployment.settlement, l1);
    if !settlement.isOpen(batch).call().await? {
        return Ok(None);
    }
    let rollup = Rollup::new(deployment.rollup, l1);
    let last = rollup.settlementEnd(batch).call().await?;
    let events = settlement
        .BatchesSettled_filter()
        .topic2(B256::from(U256::from(last)))
        .from_block(deployment.block)
        .query()
        .await?;
    let transaction = events.last().and_then(|(_, log)| log.transaction_hash);
    let transaction = transaction.ok_or(RewardError::Hidden(batch))?;
    let contributions = calls::contributions(l1, transaction).await?;
    let contributions = contributions.ok_or(RewardError::Hidden(batch))?;
    Ok(Some(Together {
        last,
        contributions,
    }))
}

/// Stores the prevrandao of an L1 block, unless that is done.
///
/// # Errors
/// L1 does not answer, has no such block yet, or cannot prove it any more.
pub async fn store_beacon(
    sender: &Sender,
    deployment: &Deployment,
    l1_block: u64,
) -> Result<(), RewardError> {
    let l1 = sender.provider();
    let rollup = Rollup::new(deployment.rollup, l1);
    if rollup.beacons(l1_block).call().await?.is_zero() {
        let (header, _) = header_rlp(l1, l1_block).await?;
        let call = calls::store_beacon(deployment.rollup, header);
        sender.send(&purpose::beacon(l1_block), &call).await?;
    }
    Ok(())
}

/// Brings the winner what is held for it, by its statement and the bytes of its proof.
///
/// # Errors
/// [`SendError`]: among others L1 refuses the proof, or somebody was faster.
pub async fn claim_late(
    sender: &Sender,
    deployment: &Deployment,
    held: Held,
    values: &PublicValues,
    proof: Bytes,
) -> Result<Mined, SendError> {
    let Held { batch, entries, .. } = held;
    if let Some(together) = held.together {
        let commitment = ProofCommitment::of(&proof);
        let is_the_winners = together.holds(batch, held.winner.roller, commitment);
        let claim = Claim {
            batch,
            proof: commitment.0,
            bodyHash: ProofDigest::body_hash(&proof),
            entries: entries.iter().map(calls::same).collect(),
        };
        let Together {
            last,
            contributions,
        } = together;
        let call = calls::resolve(deployment.settlement, last, contributions, vec![claim]);
        let mined = sender.send(&purpose::resolve(batch), &call).await?;
        if is_the_winners {
            return Ok(mined);
        }
    }
    let call = calls::claim_late(deployment.settlement, batch, values, proof, entries);
    sender.send(&purpose::claim_late(batch), &call).await
}
