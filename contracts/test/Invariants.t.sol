// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Roller} from "../src/interfaces/IRollerRegistry.sol";
import {Batch, Entry, Submission} from "../src/interfaces/IRollup.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// Does, in any order, what rollers, operator and strangers can do; keeps its own books.
contract Handler is Base {
    mapping(uint64 batch => Entry[]) private entriesPosted;
    mapping(uint64 batch => uint256) public timesPaid;
    uint256 public burnedWei;
    uint256 public rewardedWei;
    uint256 public claimedWei;

    constructor() {
        setUp();
        // Little in the pool, so that arrears happen.
        vm.prank(address(pool));
        scr.transfer(address(this), 1_000_000 ether - 10 ether);
    }

    function depositStake(uint256 who, uint256 amount) external {
        amount = 1 + amount % 1000 ether;
        scr.transfer(rollers[who % 3], amount);
        vm.startPrank(rollers[who % 3]);
        scr.approve(address(registry), amount);
        registry.deposit(amount);
        vm.stopPrank();
    }

    function requestUnbond(uint256 who, uint256 amount) external {
        vm.prank(rollers[who % 3]);
        registry.requestUnbond(amount % 5000 ether);
    }

    function withdraw(uint256 who) external {
        vm.prank(rollers[who % 3]);
        registry.withdraw();
    }

    function passTime(uint256 time) external {
        vm.warp(block.timestamp + (time % 4 == 0 ? time % 8 days : time % 1200));
    }

    function commitBatch() external {
        if (rollup.committedBatch() < rollup.settledBatch() + 4) commitNext();
    }

    function enter(uint64 batch) external {
        batch = rollup.settledBatch() + 1 + batch % 4;
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
        PublicValues memory pv = publicValues(rollup.settledBatch() + 1, rollers[who % 3]);
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    function claimLate(uint64 batch, uint256 who) external {
        batch = 1 + batch % (rollup.settledBatch() + 1);
        PublicValues memory pv = publicValues(batch, winnerOrAnybody(batch, who));
        rollup.claimLate(batch, pv, proofOf(pv), entriesPosted[batch]);
        paid(batch);
    }

    function judgeGarbage(uint256 who, uint64 batch, uint32 round) external {
        batch = 1 + batch % (rollup.committedBatch() + 1);
        Submission memory s = submission(batch, who % 3, keccak256("anything"), "garbage");
        s.round = round % 3;
        PublicValues memory none;
        uint256 supply = scr.totalSupply();
        rollup.judge(batch, s, signed(signerKeys[who % 3], s), none, "garbage");
        burnedWei += supply - scr.totalSupply();
    }

    function judgeValid(uint256 who, uint64 batch) external {
        batch = 1 + batch % (rollup.committedBatch() + 1);
        PublicValues memory pv = publicValues(batch, rollers[who % 3]);
        Submission memory s = submission(batch, who % 3, keccak256(abi.encode(pv)), proofOf(pv));
        uint256 supply = scr.totalSupply();
        rollup.judge(batch, s, signed(signerKeys[who % 3], s), pv, proofOf(pv));
        vm.assertEq(scr.totalSupply(), supply);
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
        for (uint256 i = 0; i < 3; i++) {
            Roller memory r = registry.rollers(rollers[i]);
            sum += uint256(r.stakeWei) + r.unbondingWei;
        }
        vm.assertEq(scr.balanceOf(address(registry)), sum);
    }

    function checkPool() external view {
        uint256 credits = 0;
        uint256 arrears = 0;
        for (uint256 i = 0; i < 3; i++) {
            credits += pool.credits(rollers[i]);
            arrears += pool.arrears(rollers[i]);
        }
        vm.assertEq(credits, pool.totalCredits());
        vm.assertTrue(credits <= scr.balanceOf(address(pool)));
        vm.assertEq(credits + arrears + claimedWei, rewardedWei);
    }

    function checkSupply() external view {
        vm.assertEq(scr.totalSupply(), 100_000_000 ether - burnedWei);
        uint256 held = scr.balanceOf(address(this)) + scr.balanceOf(address(pool)) + scr.balanceOf(address(registry));
        for (uint256 i = 0; i < 3; i++) {
            held += scr.balanceOf(rollers[i]) + scr.balanceOf(payoutOf(rollers[i]));
        }
        vm.assertEq(held, scr.totalSupply());
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
        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = Handler.depositStake.selector;
        selectors[1] = Handler.requestUnbond.selector;
        selectors[2] = Handler.withdraw.selector;
        selectors[3] = Handler.passTime.selector;
        selectors[4] = Handler.commitBatch.selector;
        selectors[5] = Handler.enter.selector;
        selectors[6] = Handler.settle.selector;
        selectors[7] = Handler.settleUnpaid.selector;
        selectors[8] = Handler.claimLate.selector;
        selectors[9] = Handler.judgeGarbage.selector;
        selectors[10] = Handler.judgeValid.selector;
        selectors[11] = Handler.claim.selector;
        selectors[12] = Handler.fundPool.selector;
        selectors[13] = Handler.creditArrears.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_booksBalanceAndNobodyIsPaidTwice() public view {
        handler.checkStake();
        handler.checkPool();
        handler.checkSupply();
        handler.checkBatches();
    }
}
