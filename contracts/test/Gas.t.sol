// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Evidence} from "../src/Evidence.sol";
import {Rollup} from "../src/Rollup.sol";
import {TokenBridge} from "../src/bridge/TokenBridge.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {PostedDraw} from "../src/interfaces/IDraws.sol";
import {Commit, Entry, Program, RollupParams, Submission, Withdrawal} from "../src/interfaces/IRollup.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {ReceiptLib, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {StarkPrecompileVerifier} from "../src/verifiers/StarkPrecompileVerifier.sol";
import {DrawBase} from "./DrawBase.sol";
import {Paths} from "./Paths.sol";

/// Answers every input with one word.
contract Verdict {
    uint256 public word;

    function set(uint256 word_) external {
        word = word_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(word);
    }
}

/// A rollup whose verifier calls a precompile, and a proof of a real size.
abstract contract WithLargeProof is DrawBase {
    uint256 internal constant PROOF_BYTES = 320_000;
    address internal constant PRECOMPILE = 0x0000000000000000000000000000000000524D10;

    bytes internal proof;

    function setUp() public override {
        vm.chainId(1337001);
        vm.etch(PRECOMPILE, type(Verdict).runtimeCode);
        Verdict(PRECOMPILE).set(1);
        super.setUp();
        bytes memory bytes_ = new bytes(PROOF_BYTES);
        for (uint256 i = 0; i < PROOF_BYTES; i += 32) {
            bytes32 random = keccak256(abi.encode(i)) | bytes32(type(uint256).max / 255);
            assembly ("memory-safe") {
                mstore(add(add(bytes_, 32), i), random)
            }
        }
        proof = bytes_;
    }

    function verifier() internal virtual override returns (address) {
        return address(new StarkPrecompileVerifier());
    }
}

/// What each step costs on the embedded L1 as a transaction, with proofs of a real size and without the precompile's
/// own charge. Written to snapshots/Rollup.json.
/// forge-config: default.isolate = true
contract GasTest is WithLargeProof {
    using PublicValuesLib for PublicValues;

    /// @dev Largest gas of a transaction (EIP-7825).
    uint256 private constant TRANSACTION_GAS_MAX = 1 << 24;

    function test_deployTheLargest() public {
        Contracts memory c = deployed;
        uint256 before = gasleft();
        new Evidence(c);
        vm.assertTrue(before - gasleft() < TRANSACTION_GAS_MAX);
        c.rollup = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        RollupParams memory p = params();
        p.programs = new Program[](1);
        p.programs[0] = rollup.programs(1);
        before = gasleft();
        new Rollup(c, p);
        vm.assertTrue(before - gasleft() < TRANSACTION_GAS_MAX);
    }

    function test_commit() public {
        commit(nextCommit());
        measured("commit");
    }

    function test_postSnapshot() public {
        bytes memory leaves;
        for (uint160 i = 1; i <= 1000; i++) {
            leaves = abi.encodePacked(leaves, address(i), uint128(i * 1 ether), uint64(1e8), uint32(1));
        }
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.prank(operator);
        rollup.postSnapshot(1, root, total, leaves);
        measured("postSnapshot, 1000 leaves");
    }

    /// Ten thousand rollers: ten pieces, of which the last goes to the Rollup.
    function test_postSnapshotInPieces() public {
        bytes memory whole = manyLeaves(10_000);
        vm.startPrank(operator);
        uint256 size = 1024 * SnapshotLib.LEAF_BYTES;
        for (uint256 i = 0; i < 9; i++) {
            control.postPiece(1, i, this.slice(whole, i * size, (i + 1) * size));
        }
        measured("postPiece, 1024 leaves");
        bytes memory last = this.slice(whole, 9 * size, whole.length);
        (bytes32 root, uint256 total,) = control.wholeSnapshot(1, last);
        rollup.postSnapshot(1, root, total, last);
        measured("postSnapshot, 784 leaves behind nine pieces");
        vm.stopPrank();
    }

    function test_settle() public {
        uint64 batch = commitNext();
        Entry[] memory entries = entriesOf(batch);
        for (uint256 i = 0; i < 3; i++) {
            entries[i].proofDigest = digestOf(proof);
        }
        postEntries(batch, entries);
        measured("postEntries");
        storeBeacon(rollup.batches(batch).lotteryBlock);
        measured("storeBeacon");
        PublicValues memory pv = publicValues(batch, rollup.winnerOf(batch, entries).roller);
        rollup.settle(pv, proof, entries);
        measured("settle, 320 kB");
        pool.claim(pv.roller);
        measured("claim");
    }

    function test_settleUnpaid() public {
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        rollup.settleUnpaid(publicValues(batch, rollers[0]), proof);
        measured("settleUnpaid, 320 kB");
    }

    /// Commit and settlement of one's own in enforced mode: one transaction.
    function test_enforceBatch() public {
        vm.deal(address(this), 1 ether);
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        measured("enforce");
        Commit memory c = nextCommit();
        bytes memory data = new bytes(100);
        PublicValues memory pv = enforcedValues(c, data, stranger);
        enforcement.enforceBatch(c, data, pv, proof);
        measured("enforceBatch, 320 kB");
    }

    function test_judge() public {
        uint64 batch = commitNext();
        Verdict(PRECOMPILE).set(0);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        court.judge(batch, s, signed(signerKeys[0], s), pv, proof);
        measured("judge, 320 kB");
    }

    /// Evidence against the operator, with a snapshot of a thousand rollers.
    function test_evidence() public {
        bytes memory leaves;
        for (uint160 i = 1; i <= 1000; i++) {
            leaves = abi.encodePacked(leaves, address(i), uint128(i * 1 ether), uint64(1e8), uint32(1));
        }
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.prank(operator);
        rollup.postSnapshot(1, root, total, leaves);
        uint64 batch = commitNext();
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[0], 1, digestOf(proof));
        postEntries(batch, entries);
        PostedDraw memory posted = PostedDraw(roundOf(plain(batch, 0), leaves), new bytes[](1));
        postRounds(batch, posted.rounds);
        measured("post, a draw of one round");
        // The roller would stand behind all others.
        posted.paths[0] = this.pathOf(leaves, 999);
        draws.wrongEntry(batch, entries, 0, posted);
        measured("wrongEntry, 1000 leaves");
        bytes32 task = rollup.taskId(batch);
        VerdictReceipt memory a = VerdictReceipt(task, 0, rollers[1], digestOf(proof), true, true);
        VerdictReceipt memory b = VerdictReceipt(task, 0, rollers[1], digestOf(proof), false, true);
        bytes memory signedA = signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, a)));
        bytes memory signedB = signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, b)));
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
        measured("twoVerdicts");
    }

    function test_sendMessage() public {
        vm.deal(address(this), 1 ether);
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        measured("sendMessage");
    }

    /// The smallest withdrawal there is: the only one, to an account without code.
    function test_finalizeWithdrawal() public {
        bytes32[32] memory path;
        Withdrawal memory w = Withdrawal(0, address(1), stranger, 1 ether, "");
        bytes32 root = WithdrawalTree.leaf(
            block.chainid, address(rollup), L2_CHAIN_ID, 0, w.sender, w.recipient, w.amountWei, keccak256("")
        );
        for (uint256 level = 1; level < 32; level++) {
            root = WithdrawalTree.node(root, path[level - 1]);
            path[level] = WithdrawalTree.node(path[level - 1], path[level - 1]);
        }
        Commit memory c = nextCommit();
        c.withdrawalRoot = WithdrawalTree.node(root, path[31]);
        commit(c);
        vm.warp(rollup.unpaidFrom(c.batch));
        rollup.settleUnpaid(publicValues(c.batch, rollers[0]), proof);
        vm.deal(address(rollup), 1 ether);
        rollup.finalizeWithdrawal(c.batch, w, path);
        measured("finalizeWithdrawal");
    }

    function test_depositToken() public {
        TokenBridge bridge = TokenBridge(vm.computeCreateAddress(address(rollup), 2));
        scr.approve(address(bridge), 2);
        uint256 feeWei = bridge.depositFeeWei();
        bridge.deposit{value: feeWei}(address(scr), stranger, 1);
        bridge.deposit{value: feeWei}(address(scr), stranger, 1);
        measured("deposit of a token");
    }

    // --- helpers

    function slice(bytes calldata packed, uint256 from, uint256 to) external pure returns (bytes memory) {
        return packed[from:to];
    }

    function manyLeaves(uint160 count) private pure returns (bytes memory packed) {
        // Each leaf is written as two words, which reach into the next one.
        packed = new bytes(count * SnapshotLib.LEAF_BYTES + 16);
        for (uint160 i = 0; i < count; i++) {
            bytes32 head = bytes32(abi.encodePacked(address(i + 1), uint96(0)));
            bytes32 tail = bytes32(abi.encodePacked(uint32(1 ether >> 32), uint64(1e8), uint32(1), uint128(0)));
            uint256 offset = i * SnapshotLib.LEAF_BYTES;
            assembly ("memory-safe") {
                mstore(add(add(packed, 32), offset), head)
                mstore(add(add(packed, 64), offset), tail)
            }
        }
        assembly ("memory-safe") {
            mstore(packed, sub(mload(packed), 16))
        }
    }

    function pathOf(bytes calldata leaves, uint256 number) external pure returns (bytes memory) {
        return Paths.pathOf(leaves, number);
    }

    function measured(string memory name) private {
        uint256 used = vm.snapshotGasLastCall("Rollup", name);
        vm.assertTrue(used < TRANSACTION_GAS_MAX);
    }
}

contract ExecutionGasTest is WithLargeProof {
    /// @dev What a settlement may cost apart from its calldata and the precompile. With 5.1 M for the calldata that stays
    /// far below its floor of 12.8 M.
    uint256 private constant EXECUTION_GAS_MAX = 3_300_000;

    /// The charge of a transaction is the larger of the calldata floor (40 per byte) and calldata (16) plus execution, so
    /// execution up to 24 gas per byte of proof is free.
    function test_executionOfSettleFitsBesideTheCalldata() public {
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory call_ = abi.encodeCall(rollup.settleUnpaid, (pv, proof));
        uint256 before = gasleft();
        (bool done,) = address(this).call(abi.encodeCall(this.forward, (call_)));
        vm.assertTrue(done && before - gasleft() < EXECUTION_GAS_MAX);
    }

    /// The blob with the most data there can be. Without what the transaction itself is charged: forge sends none with a blob.
    function test_commitBlob() public {
        string memory json = vm.readFile("../crates/l1/vectors/blobs.json");
        bytes32[] memory carried = new bytes32[](1);
        carried[0] = vm.parseJsonBytes32Array(json, ".versionedHashes")[3];
        bytes32 dataCommitment = vm.parseJsonBytes32Array(json, ".dataCommitments")[3];
        bytes32 y = vm.parseJsonBytes32Array(json, ".values")[3];
        bytes memory opening = vm.parseJsonBytesArray(json, ".openings")[3];
        Commit memory c = nextCommit();
        vm.blobhashes(carried);
        address[5] memory touched =
            [address(rollup), address(bond), address(control), address(parameters), address(registry)];
        for (uint256 i = 0; i < touched.length; i++) {
            vm.cool(touched[i]);
        }
        vm.prank(operator);
        rollup.commitBlob(c, dataCommitment, y, opening);
        vm.snapshotGasLastCall("Rollup", "commitBlob, execution");
    }

    function forward(bytes calldata call_) external {
        (bool done,) = address(rollup).call(call_);
        vm.assertTrue(done);
    }
}
