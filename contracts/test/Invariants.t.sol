// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Roller} from "../src/interfaces/IRollerRegistry.sol";
import {Batch, Commit, Entry, Program, Submission} from "../src/interfaces/IRollup.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {ReceiptLib, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {PartialVerifier} from "./Accuse.t.sol";
import {Base} from "./Base.sol";

/// Does, in any order, what rollers, operator, accusers and strangers can do; keeps its own books. Two versions of the
/// program: one that L1 judges, one that it cannot.
contract Handler is Base {
    using PublicValuesLib for PublicValues;

    struct Open {
        uint64 batch;
        uint256 who;
    }

    /// Never signs anything but true proofs, never unbonds.
    uint256 public constant HONEST = 2;

    mapping(uint64 batch => Entry[]) private entriesPosted;
    mapping(uint64 batch => uint256) public timesPaid;
    uint256 public burnedWei;
    uint256 public rewardedWei;
    uint256 public claimedWei;
    uint256[3] public depositedWei;
    uint256 public answered;
    uint256 public convicted;
    /// Last batch that settled unpaid with entries.
    uint64 private held;
    /// Accusations that wait for an answer.
    Open[] private open;
    /// Credits that are no rewards: halves of the operator's losses.
    uint256 public grantedWei;
    uint256 public costsWei;
    /// Taken from credits for fines that stake did not cover.
    uint256 public setOffWei;
    mapping(uint64 epoch => uint256) public emittedWei;

    constructor() {
        setUp();
        address partial_ = address(new PartialVerifier());
        vm.prank(governor);
        rollup.announceProgram(Program(EXE, VM_COMMIT, partial_, 1, 1, 0));
        vm.warp(block.timestamp + 1 days);
        scr.approve(address(court), type(uint256).max);
        scr.approve(address(bond), type(uint256).max);
        // Little in the pool, so that arrears happen.
        vm.prank(address(pool));
        scr.transfer(address(this), 1_000_000 ether - 10 ether);
    }

    function depositStake(uint256 who, uint256 amount) external {
        amount = 1 + amount % 1000 ether;
        depositedWei[who % 3] += amount;
        scr.transfer(rollers[who % 3], amount);
        vm.startPrank(rollers[who % 3]);
        scr.approve(address(registry), amount);
        registry.deposit(amount);
        vm.stopPrank();
    }

    function requestUnbond(uint256 who, uint256 amount) external {
        vm.prank(rollers[who % 2]);
        registry.requestUnbond(amount % 5000 ether);
    }

    function withdraw(uint256 who) external {
        vm.prank(rollers[who % 3]);
        registry.withdraw();
    }

    function changeBond(uint256 amount) external {
        if (amount % 3 == 0) {
            bond.deposit(1 + amount % 1000 ether);
        } else if (amount % 3 == 1) {
            vm.prank(operator);
            bond.requestWithdrawal(1 + amount % 300_000 ether);
        } else {
            vm.prank(operator);
            bond.withdraw();
        }
    }

    function passTime(uint256 time) external {
        vm.warp(block.timestamp + (time % 4 == 0 ? time % 8 days : time % 1200));
    }

    function commitBatch() external {
        if (rollup.committedBatch() >= rollup.settledBatch() + 4) return;
        Commit memory c = nextCommit();
        c.programVersion = rollup.committedBatch() % 2 == 0 ? 1 : 2;
        commit(c);
    }

    function enter(uint256 ahead) external {
        uint64 batch = rollup.settledBatch() + 1 + (ahead % 3 == 0 ? 1 : 0);
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        for (uint256 i = 0; i < 3; i++) {
            entriesPosted[batch].push(entries[i]);
        }
        storeBeacon(rollup.batches(batch).lotteryBlock);
    }

    function settle(uint256 who) external {
        uint64 batch = rollup.settledBatch() + 1;
        PublicValues memory pv = publicValues(batch, winnerOrAnybody(batch, who));
        rollup.settle(pv, proofOf(pv), entriesPosted[batch]);
        paid(batch);
    }

    function settleUnpaid(uint256 who) external {
        uint64 batch = rollup.settledBatch() + 1;
        if (block.timestamp < rollup.unpaidFrom(batch)) vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[who % 3]);
        rollup.settleUnpaid(pv, proofOf(pv));
        if (rollup.batches(batch).entriesHash != 0) held = batch;
    }

    function claimLate(uint64 batch, uint256 who) external {
        batch = batch % 3 == 0 ? 1 + batch % (rollup.settledBatch() + 1) : held;
        PublicValues memory pv = publicValues(batch, winnerOrAnybody(batch, who));
        rollup.claimLate(batch, pv, proofOf(pv), entriesPosted[batch]);
        paid(batch);
    }

    function judgeGarbage(uint256 who, uint64 batch, uint32 round) external {
        batch = 1 + batch % (rollup.committedBatch() + 1);
        who %= 2;
        Submission memory s = submission(batch, who, keccak256("anything"), "garbage");
        s.round = round % 3;
        PublicValues memory none;
        (uint256 supply, uint256 credits) = (scr.totalSupply(), pool.totalCredits());
        court.judge(batch, s, signed(signerKeys[who], s), none, "garbage");
        burnedWei += supply - scr.totalSupply();
        setOffWei += credits - pool.totalCredits();
    }

    function judgeValid(uint256 who, uint64 batch) external {
        batch = 1 + batch % (rollup.committedBatch() + 1);
        PublicValues memory pv = publicValues(batch, rollers[who % 3]);
        Submission memory s = submission(batch, who % 3, keccak256(abi.encode(pv)), proofOf(pv));
        uint256 supply = scr.totalSupply();
        court.judge(batch, s, signed(signerKeys[who % 3], s), pv, proofOf(pv));
        vm.assertEq(scr.totalSupply(), supply);
    }

    /// Accuses the good and the bad alike, for batches of the version that L1 cannot judge.
    function accuse(uint256 who, uint64 batch, bool isGarbage) external {
        batch = 2 + 2 * (batch % (1 + rollup.committedBatch() / 2));
        who = isGarbage ? who % 2 : who % 3;
        PublicValues memory pv = publicValues(batch, rollers[who]);
        bytes memory proof = isGarbage ? bytes("garbage") : proofOf(pv);
        Submission memory s = submission(batch, who, pv.hash(), proof);
        court.accuse(batch, s, signed(signerKeys[who], s));
        open.push(Open(batch, who));
    }

    function answer(uint256 which) public {
        Open memory o = open[which % open.length];
        PublicValues memory pv = publicValues(o.batch, rollers[o.who]);
        uint256 supply = scr.totalSupply();
        court.rebut(rollup.taskId(o.batch), 0, rollers[o.who], pv, proofOf(pv));
        burnedWei += supply - scr.totalSupply();
        costsWei += 400 ether;
        answered++;
        forget(which % open.length);
    }

    /// The honest one answers in time.
    function convict(uint256 which) external {
        Open memory o = open[which % open.length];
        if (o.who == HONEST) return answer(which);
        bytes32 task = rollup.taskId(o.batch);
        uint64 untilS = court.accusation(task, 0, rollers[o.who]).untilS;
        for (uint256 i = 0; i < open.length; i++) {
            if (open[i].who == HONEST) return answer(i);
        }
        if (block.timestamp < untilS) vm.warp(untilS);
        (uint256 supply, uint256 credits) = (scr.totalSupply(), pool.totalCredits());
        court.convict(task, 0, rollers[o.who]);
        burnedWei += supply - scr.totalSupply();
        setOffWei += credits - pool.totalCredits();
        convicted++;
        forget(which % open.length);
    }

    function forget(uint256 position) private {
        open[position] = open[open.length - 1];
        open.pop();
    }

    /// The operator contradicts itself about anybody, known or unknown.
    function charge(uint256 who, uint64 batch) external {
        batch = 1 + batch % (rollup.committedBatch() + 1);
        address roller = who % 5 == 4 ? stranger : rollers[who % 3];
        VerdictReceipt memory a = VerdictReceipt(rollup.taskId(batch), 0, roller, keccak256("a"), true, true);
        VerdictReceipt memory b = VerdictReceipt(a.task, 0, roller, keccak256("a"), false, true);
        bytes memory signedA = signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, a)));
        bytes memory signedB = signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, b)));
        uint256 supply = scr.totalSupply();
        uint256 bonded = scr.balanceOf(address(bond));
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
        uint256 lostWei = bonded - scr.balanceOf(address(bond));
        burnedWei += supply - scr.totalSupply();
        if (roller != stranger) grantedWei += lostWei - lostWei / 2;
    }

    function burnHeld(uint64 batch) external {
        uint256 supply = scr.totalSupply();
        batch = batch % 3 == 0 ? 1 + batch % (rollup.settledBatch() + 1) : held;
        if (batch % 2 == 0) vm.warp(block.timestamp + 3601);
        pool.burnHeld(batch);
        vm.assertEq(timesPaid[batch], 0);
        burnedWei += supply - scr.totalSupply();
    }

    function claimEmission(uint64 epoch, uint256 who) external {
        vm.warp(block.timestamp + 1 days);
        epoch = emission.currentEpoch() - 1 - epoch % 2;
        uint256 amount = emission.claim(epoch, rollers[who % 3]);
        emittedWei[epoch] += amount;
        vm.assertTrue(emittedWei[epoch] <= emission.potWei(epoch));
    }

    function burnPot(uint64 epoch) external {
        uint256 supply = scr.totalSupply();
        emission.burnIdle(epoch % (emission.currentEpoch() + 1));
        burnedWei += supply - scr.totalSupply();
    }

    function claim(uint256 who) external {
        claimedWei += pool.claim(rollers[who % 3]);
    }

    function fundPool(uint256 amount) external {
        scr.transfer(address(pool), amount % 20 ether);
    }

    function creditArrears(uint256 who) external {
        pool.creditArrears(rollers[who % 3]);
    }

    function winnerOrAnybody(uint64 batch, uint256 who) private view returns (address) {
        return who % 4 == 0 ? rollers[who % 3] : rollup.winnerOf(batch, entriesPosted[batch]).roller;
    }

    function paid(uint64 batch) private {
        timesPaid[batch]++;
        rewardedWei += 1e12 * 3 * uint256(GAS);
    }

    // --- what must hold

    function checkStake() external view {
        uint256 sum = 0;
        uint256 counted = 0;
        for (uint256 i = 0; i < 3; i++) {
            Roller memory r = registry.rollers(rollers[i]);
            sum += uint256(r.stakeWei) + r.unbondingWei;
            counted += r.stakeWei;
        }
        vm.assertEq(scr.balanceOf(address(registry)), sum);
        vm.assertEq(registry.totalStakeWei(), counted);
    }

    /// Nobody but a roller that signed garbage ever loses stake.
    function checkHonest() external view {
        Roller memory r = registry.rollers(rollers[HONEST]);
        vm.assertEq(uint256(r.stakeWei) + r.unbondingWei, STAKE + depositedWei[HONEST]);
    }

    function checkCourt() external view {
        vm.assertEq(scr.balanceOf(address(court)), court.openAccusations() * 1000 ether);
        vm.assertEq(open.length, court.openAccusations());
        vm.assertTrue(court.openAccusations() <= 3);
    }

    function checkBond() external view {
        vm.assertEq(scr.balanceOf(address(bond)), bond.bondWei() + bond.leavingWei());
        vm.assertEq(scr.balanceOf(address(evidence)), 0);
        vm.assertEq(scr.balanceOf(address(control)) + scr.balanceOf(address(rollup)), 0);
    }

    function checkPool() external view {
        uint256 credits = 0;
        uint256 arrears = 0;
        for (uint256 i = 0; i < 3; i++) {
            credits += pool.credits(rollers[i]);
            arrears += pool.arrears(rollers[i]);
        }
        vm.assertEq(credits, pool.totalCredits());
        vm.assertTrue(credits + pool.totalHeld() <= scr.balanceOf(address(pool)));
        // Costs of answered accusations are credits, too.
        vm.assertEq(credits + arrears + claimedWei + setOffWei, rewardedWei + grantedWei + costsWei);
    }

    function checkSupply() external view {
        vm.assertEq(scr.totalSupply(), 100_000_000 ether + EMISSION - burnedWei);
        uint256 found = scr.balanceOf(address(this)) + scr.balanceOf(address(pool)) + scr.balanceOf(address(registry));
        found += scr.balanceOf(address(bond)) + scr.balanceOf(address(emission)) + scr.balanceOf(address(court));
        for (uint256 i = 0; i < 3; i++) {
            found += scr.balanceOf(rollers[i]) + scr.balanceOf(payoutOf(rollers[i]));
        }
        found += scr.balanceOf(operator);
        vm.assertEq(found, scr.totalSupply());
    }

    function checkBatches() external view {
        vm.assertTrue(rollup.settledBatch() <= rollup.committedBatch());
        for (uint64 batch = 1; batch <= rollup.committedBatch(); batch++) {
            Batch memory b = rollup.batches(batch);
            vm.assertEq(timesPaid[batch], b.paid ? 1 : 0);
            vm.assertTrue(!b.paid || b.settledAt != 0);
            vm.assertTrue((b.settledAt != 0) == (batch <= rollup.settledBatch()));
        }
    }
}

contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](22);
        selectors[0] = Handler.depositStake.selector;
        selectors[1] = Handler.requestUnbond.selector;
        selectors[2] = Handler.withdraw.selector;
        selectors[3] = Handler.changeBond.selector;
        selectors[4] = Handler.passTime.selector;
        selectors[5] = Handler.commitBatch.selector;
        selectors[6] = Handler.enter.selector;
        selectors[7] = Handler.settle.selector;
        selectors[8] = Handler.settleUnpaid.selector;
        selectors[9] = Handler.claimLate.selector;
        selectors[10] = Handler.judgeGarbage.selector;
        selectors[11] = Handler.judgeValid.selector;
        selectors[12] = Handler.accuse.selector;
        selectors[13] = Handler.answer.selector;
        selectors[14] = Handler.convict.selector;
        selectors[15] = Handler.charge.selector;
        selectors[16] = Handler.burnHeld.selector;
        selectors[17] = Handler.claimEmission.selector;
        selectors[18] = Handler.burnPot.selector;
        selectors[19] = Handler.claim.selector;
        selectors[20] = Handler.fundPool.selector;
        selectors[21] = Handler.creditArrears.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_booksBalanceAndNobodyIsPaidTwice() public view {
        handler.checkStake();
        handler.checkHonest();
        handler.checkCourt();
        handler.checkBond();
        handler.checkPool();
        handler.checkSupply();
        handler.checkBatches();
    }
}
