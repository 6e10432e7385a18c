//! Each refusal: typed, cheap, and never a verdict.

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, hex};
use rollmill_roller_api::{
    Authorization, Client, HeartbeatRequest, Refusal, RefusalCode, SeatId, SignedSubmission,
    SubmissionStats, domain, http,
};
use rollmill_zkvm::mock::MockProof;

use crate::harness::{DEADLINE_S, L1_CHAIN_ID, ROLLUP, World};

/// A request that a test bends before it is sent, as often as it likes.
pub struct RawRequest {
    pub path: String,
    pub auth: Authorization,
    pub body: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
}

impl RawRequest {
    /// Sends it; `None` is success.
    pub async fn send(&self, world: &World) -> Option<RefusalCode> {
        let mut request = reqwest::Client::new()
            .post(format!("{}{}", world.url, self.path))
            .header(http::BODY_HASH, format!("{:#x}", self.auth.body_hash))
            .header(http::NONCE, format!("{:#x}", self.auth.nonce))
            .header(http::EXPIRY, self.auth.expiry_unix_s.to_string())
            .header(http::SIGNATURE, hex::encode_prefixed(&self.auth.signature))
            .body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        if response.status().is_success() {
            return None;
        }
        let status = response.status().as_u16();
        let refusal: Refusal = response.json().await.unwrap();
        assert_eq!(status, refusal.code.status());
        assert!(!refusal.message.is_empty());
        Some(refusal.code)
    }
}

/// A heartbeat of the first roller that expires in `ttl_s`.
pub fn signed_heartbeat(world: &World, ttl_s: u64) -> RawRequest {
    signed(
        world,
        http::HEARTBEAT,
        b"{\"ready\":true,\"tasks\":[]}",
        ttl_s,
    )
}

fn signed(world: &World, path: &str, body: &[u8], ttl_s: u64) -> RawRequest {
    let (key, domain) = (&world.rollers[0].key, domain(L1_CHAIN_ID, ROLLUP));
    let expiry = world.clock.now_unix_s() + ttl_s;
    let auth = Authorization::sign(key, &domain, "POST", path, body, expiry);
    RawRequest {
        path: path.to_owned(),
        auth,
        body: body.to_vec(),
        headers: Vec::new(),
    }
}

fn signed_submission(world: &World, submission: &SignedSubmission, body: &[u8]) -> RawRequest {
    let path = format!("{}/{}/submissions", http::TASKS, submission.task);
    let mut request = signed(world, &path, body, 50);
    request
        .headers
        .push((http::SUBMISSION, serde_json::to_string(submission).unwrap()));
    let stats = SubmissionStats::default();
    request
        .headers
        .push((http::STATS, serde_json::to_string(&stats).unwrap()));
    request
}

#[tokio::test]
async fn requests_are_refused_unless_they_are_signed_fresh_and_used_once() {
    let world = World::new().await.with_snapshot().await;
    let good = || signed_heartbeat(&world, 50);
    assert_eq!(good().send(&world).await, None);

    let unsigned = reqwest::Client::new()
        .post(format!("{}/v1/heartbeat", world.url))
        .body("{}");
    assert_eq!(unsigned.send().await.unwrap().status().as_u16(), 401);
    assert_eq!(
        signed_heartbeat(&world, 0).send(&world).await,
        Some(RefusalCode::ExpiredRequest)
    );
    assert_eq!(
        signed_heartbeat(&world, 3_600).send(&world).await,
        Some(RefusalCode::ExpiryTooFar)
    );
    let mut wrong_body = good();
    wrong_body.body = b"{\"ready\":false,\"tasks\":[]}".to_vec();
    assert_eq!(
        wrong_body.send(&world).await,
        Some(RefusalCode::WrongBodyHash)
    );
    let mut malformed = good();
    malformed.auth.signature = malformed.auth.signature.slice(..64);
    assert_eq!(
        malformed.send(&world).await,
        Some(RefusalCode::BadSignature)
    );
    let mut no_json = signed(&world, http::HEARTBEAT, b"{]", 50);
    assert_eq!(no_json.send(&world).await, Some(RefusalCode::Malformed));
    no_json.path = "/v1/pick".into();
    // Signed for another path: whoever the signature names, it is nobody's.
    assert_eq!(no_json.send(&world).await, Some(RefusalCode::UnknownSigner));

    let replayed = good();
    assert_eq!(replayed.send(&world).await, None);
    assert_eq!(
        replayed.send(&world).await,
        Some(RefusalCode::ReplayedNonce)
    );
    world.clock.advance_ms(51_000);
    assert_eq!(
        replayed.send(&world).await,
        Some(RefusalCode::ExpiredRequest)
    );
}

#[tokio::test]
async fn strangers_are_refused_before_anything_else() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let stranger =
        Client::new(&world.url, PrivateKeySigner::random(), L1_CHAIN_ID, ROLLUP).unwrap();
    let code = |error: rollmill_roller_api::ClientError| error.refusal().unwrap().code;
    let beat = HeartbeatRequest::default();
    assert_eq!(
        code(stranger.heartbeat(&beat).await.unwrap_err()),
        RefusalCode::UnknownSigner
    );
    let proof = world.proof(task, world.rollers[0].roller).await;
    let seat = SeatId { task, round: 0 };
    let hash = world.expected(task, world.rollers[0].roller).await;
    let submission = stranger.sign_submission(seat, world.rollers[0].roller, hash, &proof);
    let refused = stranger
        .submit(&submission, &SubmissionStats::default(), proof)
        .await;
    assert_eq!(code(refused.unwrap_err()), RefusalCode::UnknownSigner);

    // The signer of one roller for another roller, and a signature that is somebody else's.
    let (own, other) = (&world.rollers[0], &world.rollers[1]);
    let proof = world.proof(task, other.roller).await;
    let hash = world.expected(task, other.roller).await;
    let submission = own.client.sign_submission(seat, other.roller, hash, &proof);
    let refused = own
        .client
        .submit(&submission, &SubmissionStats::default(), proof.clone())
        .await;
    assert_eq!(code(refused.unwrap_err()), RefusalCode::WrongRoller);
    let hash = world.expected(task, own.roller).await;
    let submission = other.client.sign_submission(seat, own.roller, hash, &proof);
    let refused = own
        .client
        .submit(&submission, &SubmissionStats::default(), proof)
        .await;
    assert_eq!(
        code(refused.unwrap_err()),
        RefusalCode::WrongSubmissionSignature
    );
    assert!(world.store.submissions_of(task.0).await.unwrap().is_empty());
}

#[tokio::test]
async fn proofs_are_refused_unless_they_are_complete_and_for_this_seat() {
    let world = World::new().await.with_snapshot().await;
    let (mut world, task) = world.with_task().await;
    let second = world.commit().await;
    let roller = &world.rollers[0];
    let seat = SeatId { task, round: 0 };
    let hash = world.expected(task, roller.roller).await;
    let proof = world.proof(task, roller.roller).await;
    let code = async |seat: SeatId, hash: B256, proof: Bytes| {
        roller
            .submit(seat, hash, proof)
            .await
            .unwrap_err()
            .refusal()
            .unwrap()
            .code
    };
    let unknown = SeatId {
        task: B256::repeat_byte(1).into(),
        round: 0,
    };
    assert_eq!(
        code(unknown, hash, proof.clone()).await,
        RefusalCode::UnknownTask
    );
    let other_round = SeatId { task, round: 1 };
    assert_eq!(
        code(other_round, hash, proof.clone()).await,
        RefusalCode::NotSeated
    );
    let undrawn = SeatId {
        task: second,
        round: 0,
    };
    assert_eq!(
        code(undrawn, hash, proof.clone()).await,
        RefusalCode::NotSeated
    );
    // Another task's proof with its own statement, and changed public values.
    let elsewhere = world.expected(second, roller.roller).await;
    let other_proof = world.proof(second, roller.roller).await;
    assert_eq!(
        code(seat, elsewhere, other_proof).await,
        RefusalCode::WrongPublicValues
    );
    let changed = MockProof {
        public_values_hash: B256::repeat_byte(2),
    }
    .encode()
    .into();
    assert_eq!(
        code(seat, B256::repeat_byte(2), changed).await,
        RefusalCode::WrongPublicValues
    );
    // Lengths: a truncated and an extended proof, signed as such.
    assert_eq!(
        code(seat, hash, proof.slice(..47)).await,
        RefusalCode::WrongLength
    );
    assert_eq!(
        code(seat, hash, [&proof[..], &[0]].concat().into()).await,
        RefusalCode::TooLarge
    );
    assert_eq!(
        code(seat, hash, Bytes::new()).await,
        RefusalCode::WrongLength
    );

    // Bytes that were signed neither by the request nor by the submission.
    let submission = roller
        .client
        .sign_submission(seat, roller.roller, hash, &proof);
    let mut changed_body = signed_submission(&world, &submission, &proof);
    changed_body.body[47] ^= 1;
    assert_eq!(
        changed_body.send(&world).await,
        Some(RefusalCode::WrongBodyHash)
    );
    let mut other = proof.to_vec();
    other[47] ^= 1;
    let other_digest = signed_submission(&world, &submission, &other);
    assert_eq!(
        other_digest.send(&world).await,
        Some(RefusalCode::WrongDigest)
    );
    let mut no_header = signed_submission(&world, &submission, &proof);
    no_header.headers.clear();
    assert_eq!(no_header.send(&world).await, Some(RefusalCode::Malformed));

    // None of it was a submission: the seat is open, and its proof is taken.
    assert!(world.store.submissions_of(task.0).await.unwrap().is_empty());
    assert_eq!(
        signed_submission(&world, &submission, &proof)
            .send(&world)
            .await,
        None
    );
    let replaced = MockProof {
        public_values_hash: B256::ZERO,
    }
    .encode()
    .into();
    assert_eq!(
        code(seat, hash, replaced).await,
        RefusalCode::OtherSubmission
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_submitted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let roller = &world.rollers[0];
    let proof = world.proof(task, roller.roller).await;
    let hash = world.expected(task, roller.roller).await;
    let seat = SeatId { task, round: 0 };
    let submission = roller
        .client
        .sign_submission(seat, roller.roller, hash, &proof);
    let request = signed_submission(&world, &submission, &proof);
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 48\r\n",
        request.path
    );
    let auth = &request.auth;
    let mut headers = vec![
        (http::BODY_HASH, format!("{:#x}", auth.body_hash)),
        (http::NONCE, format!("{:#x}", auth.nonce)),
        (http::EXPIRY, auth.expiry_unix_s.to_string()),
        (http::SIGNATURE, hex::encode_prefixed(&auth.signature)),
    ];
    headers.extend(request.headers.clone());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let address = world.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .unwrap();
    socket.write_all(&proof[..20]).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // The server may answer or hang up.
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    assert!(world.store.submissions_of(task.0).await.unwrap().is_empty());
    assert_eq!(
        world.deliver(roller, task).await.verdict,
        rollmill_roller_api::VerdictKind::Valid
    );
}

#[tokio::test]
async fn after_its_time_a_seat_takes_nothing() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    world.deliver(&world.rollers[1], task).await;
    world.advance(DEADLINE_S + 1).await;
    // With an entry the task closes at the deadline.
    world
        .until(|board| !board.task_by_id(task).unwrap().is_open())
        .await;
    let roller = &world.rollers[0];
    let hash = world.expected(task, roller.roller).await;
    let proof = world.proof(task, roller.roller).await;
    let refused = roller
        .submit(SeatId { task, round: 0 }, hash, proof)
        .await
        .unwrap_err();
    assert_eq!(refused.refusal().unwrap().code, RefusalCode::SeatClosed);
    assert!(!refused.is_retryable());
}

#[tokio::test]
async fn only_witnesses_are_given_out_and_only_to_rollers() {
    let (world, task) = World::new().await.with_snapshot().await.with_task().await;
    let receipt = world.deliver(&world.rollers[0], task).await;
    let code = async |client: &Client, hash: B256| {
        client
            .witness(hash, 1 << 20)
            .await
            .unwrap_err()
            .refusal()
            .unwrap()
            .code
    };
    // The proof of a competitor is an object as well.
    let client = &world.rollers[1].client;
    assert_eq!(
        code(client, receipt.proof_digest.0).await,
        RefusalCode::UnknownObject
    );
    assert_eq!(code(client, B256::ZERO).await, RefusalCode::UnknownObject);
    let stranger =
        Client::new(&world.url, PrivateKeySigner::random(), L1_CHAIN_ID, ROLLUP).unwrap();
    let witness = world
        .store
        .batch_of_task(task.0)
        .await
        .unwrap()
        .unwrap()
        .witness_hash;
    assert_eq!(code(&stranger, witness).await, RefusalCode::UnknownSigner);
    let wrong_rollup = Client::new(
        &world.url,
        world.rollers[1].key.clone(),
        L1_CHAIN_ID,
        Address::ZERO,
    );
    assert_eq!(
        code(&wrong_rollup.unwrap(), witness).await,
        RefusalCode::UnknownSigner
    );
}
