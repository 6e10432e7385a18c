// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {Entry, Submission} from "../src/interfaces/IRollup.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {AssignmentReceipt, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {Base} from "./Base.sol";
import {WithLargeProof} from "./Gas.t.sol";

/// Accepts every proof and cannot reject, like a verifier of wrapped proofs; without its own charge.
contract Accepting is IProofVerifier {
    function verify(bytes32, bytes32, bytes32, bytes calldata) external pure returns (bool) {
        return true;
    }

    function total() external pure returns (bool) {
        return false;
    }
}

/// What disputes and late payments cost as transactions. Written to snapshots/Disputes.json.
/// forge-config: default.isolate = true
contract DisputesGasTest is WithLargeProof {
    using PublicValuesLib for PublicValues;

    function verifier() internal override returns (address) {
        return address(new Accepting());
    }

    function test_accusationsAndTheirAnswers() public {
        scr.approve(address(court), type(uint256).max);
        uint64 batch = commitNext();
        bytes32 task = rollup.taskId(batch);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        accuse(batch, 0, submission(batch, 0, pv.hash(), proof));
        measured("accuse");
        court.rebut(task, 0, rollers[0], pv, proof);
        measured("rebut, 320 kB");

        Submission memory s = submission(batch, 1, keccak256("anything"), "garbage");
        accuse(batch, 1, s);
        VerdictReceipt memory r = VerdictReceipt(task, 0, rollers[1], s.proofDigest, true, true);
        bytes memory signature = sign(r);
        court.defend(batch, r, signature);
        measured("defend");

        accuse(batch, 2, submission(batch, 2, keccak256("anything"), "garbage"));
        vm.warp(block.timestamp + 12 hours);
        court.convict(task, 0, rollers[2]);
        measured("convict");
    }

    function test_aPostedSubmissionThatIsDropped() public {
        nextEpoch();
        uint64 batch = commitNext();
        storeBeacon(rollup.drawBlock(batch));
        PublicValues memory pv = publicValues(batch, rollers[0]);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        AssignmentReceipt memory a = assignment(batch, s);
        (bytes memory byRoller, bytes memory byOperator) = (signed(signerKeys[0], s), sign(a));
        evidence.postSubmission(batch, s, byRoller, a, byOperator, "https://roller.example/proofs");
        measured("postSubmission");
        vm.warp(block.timestamp + 2 minutes);
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[1], 1, keccak256("another proof"));
        postEntries(batch, entries);
        evidence.droppedPosted(s.task, 0, rollers[0], pv, proof, entries);
        measured("droppedPosted, 320 kB");
    }

    function test_aLateClaimAndTheEmission() public {
        uint64 batch = commitNext();
        Entry[] memory entries = entriesOf(batch);
        for (uint256 i = 0; i < 3; i++) {
            entries[i].proofDigest = digestOf(proof);
        }
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        address winner = rollup.winnerOf(batch, entries).roller;
        vm.warp(rollup.unpaidFrom(batch));
        rollup.settleUnpaid(publicValues(batch, rollers[0]), proof);
        PublicValues memory pv = publicValues(batch, winner);
        settlement.claimLate(batch, pv, proof, entries);
        measured("claimLate, 320 kB");
        uint64 epoch = emission.currentEpoch();
        vm.warp(block.timestamp + 1 days);
        emission.claim(epoch, winner);
        measured("claim of an emission");
    }

    // --- helpers

    function accuse(uint64 batch, uint256 who, Submission memory s) private {
        bytes memory signature = signed(signerKeys[who], s);
        court.accuse(batch, s, signature);
    }

    function assignment(uint64 batch, Submission memory s) private view returns (AssignmentReceipt memory a) {
        a.task = s.task;
        a.roller = s.roller;
        a.tickets = 1;
        a.assignedAt = rollup.batches(batch).committedAt;
        a.deadline = a.assignedAt + 20 minutes;
        a.seed = DrawLib.seed(s.task, 0, rollup.beacons(rollup.drawBlock(batch)));
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Disputes", name);
    }
}

/// What a roller's life on L1 costs, and the operator's dials. Written to snapshots/Registry.json.
/// forge-config: default.isolate = true
contract RegistryGasTest is Base {
    function test_aRollersLife() public {
        address roller = address(0x5000);
        (address signer, address next) = (vm.addr(0x51), vm.addr(0x52));
        scr.transfer(roller, STAKE);
        vm.startPrank(roller);
        registry.register(signer, payoutOf(roller), 2, "https://roller.example");
        measured("register");
        scr.approve(address(registry), STAKE);
        registry.deposit(STAKE);
        measured("deposit");
        registry.setReady(true);
        measured("setReady");
        registry.setCapacity(3);
        measured("setCapacity");
        registry.setSigner(next);
        measured("setSigner");
        registry.requestUnbond(STAKE);
        measured("requestUnbond");
        vm.warp(block.timestamp + 7 days);
        registry.withdraw();
        measured("withdraw");
        vm.stopPrank();
        vm.prank(payoutOf(roller));
        registry.setPayout(roller, address(0x7000));
        measured("setPayout");
    }

    function test_dials() public {
        vm.prank(operator);
        control.post(1, dials(), keccak256("log"));
        measured("post dials");
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Registry", name);
    }
}
