// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Key} from "../../src/interfaces/IParameters.sol";
import {Roller} from "../../src/interfaces/IRollerRegistry.sol";
import {Batch, Entry, Program} from "../../src/interfaces/IRollup.sol";
import {Offence} from "../../src/interfaces/IEvidence.sol";
import {PublicValues, PublicValuesLib} from "../../src/libraries/PublicValues.sol";
import {PartialVerifier} from "../Accuse.t.sol";
import {AggregateBase} from "../AggregateBase.sol";

/// The network of the invariants, and its books. Four rollers: 0, 1 and 3 sign garbage and unbond, 3 is the operator's crony;
/// 2 is honest: it signs true proofs only and answers in time. Whatever moves SCR is booked here by a formula of its own, and
/// compared with what the contracts did; what must hold afterwards is at the end.
abstract contract Books is AggregateBase {
    using PublicValuesLib for PublicValues;

    struct Open {
        uint64 batch;
        uint32 round;
        uint256 who;
        /// The accused bytes are a true proof.
        bool isTrue;
    }

    /// What is compared before and after a step.
    struct Sums {
        uint256 supply;
        uint256 bonded;
        uint256[4] stake;
        uint256[4] credits;
        /// Credits and arrears.
        uint256[4] owed;
    }

    uint256 internal constant ROLLERS = 4;
    uint256 internal constant HONEST = 2;
    uint256 internal constant CRONY = 3;
    uint32 internal constant JUDGED = 1;
    uint32 internal constant UNJUDGED = 2;

    address[4] internal names;
    uint256[4] internal keys;
    /// How often each handler did what it is for.
    mapping(bytes4 selector => uint256) public succeeded;

    // The handlers' memory.
    uint32 internal nonce;
    Open[] internal open;
    uint64[] internal held;
    mapping(uint64 batch => Entry[]) internal entriesPosted;
    mapping(uint64 batch => uint64) internal workOf;
    mapping(uint64 epoch => bytes) internal leavesOf;

    // The books.
    /// The first thing that did not hold within a handler.
    string public broken;
    uint256 internal burnedWei;
    uint256 internal rewardedWei;
    uint256 internal grantedWei;
    uint256 internal costsWei;
    uint256 internal setOffWei;
    uint256 internal claimedWei;
    uint256 internal operatorWei;
    uint256[4] internal depositedWei;
    uint256[4] internal finedWei;
    uint256[4] internal withdrawnWei;
    mapping(uint64 batch => uint256) internal timesPaid;
    /// The operator's bond paid for the reward.
    mapping(uint64 batch => bool) internal compensated;
    mapping(uint64 batch => mapping(address roller => bool)) internal wasCharged;
    mapping(uint64 epoch => mapping(address roller => bool)) internal wasEmitted;
    mapping(uint64 epoch => uint256) internal emittedWei;

    constructor() {
        setUp();
        address crony = address(0x1003);
        join(crony, vm.addr(0xc4017), STAKE);
        names = [rollers[0], rollers[1], rollers[2], crony];
        keys = [signerKeys[0], signerKeys[1], signerKeys[2], 0xc4017];
        address partial_ = address(new PartialVerifier());
        vm.prank(governor);
        rollup.announceProgram(Program(EXE, VM_COMMIT, partial_, 1, 1, 0));
        vm.warp(block.timestamp + 7 days);
        scr.approve(address(court), type(uint256).max);
        scr.approve(address(bond), type(uint256).max);
        // Little in the pool, so that arrears happen.
        vm.prank(address(pool));
        scr.transfer(address(this), 1_000_000 ether - 10 ether);
    }

    // --- booking

    /// Notes what does not hold, without undoing the step that showed it.
    function must(bool holds, string memory what) internal {
        if (!holds && bytes(broken).length == 0) broken = what;
    }

    function sums() internal view returns (Sums memory s) {
        s.supply = scr.totalSupply();
        s.bonded = scr.balanceOf(address(bond));
        for (uint256 i = 0; i < ROLLERS; i++) {
            s.stake[i] = stakeOf(i);
            s.credits[i] = pool.credits(names[i]);
            s.owed[i] = s.credits[i] + pool.arrears(names[i]);
        }
    }

    function stakeOf(uint256 who) internal view returns (uint256) {
        Roller memory r = registry.rollers(names[who]);
        return uint256(r.stakeWei) + r.unbondingWei;
    }

    /// Nobody but `roller` is owed more than before, and it by `amountWei`.
    function owedMore(Sums memory before, address roller, uint256 amountWei) internal {
        for (uint256 i = 0; i < ROLLERS; i++) {
            uint256 owed = pool.credits(names[i]) + pool.arrears(names[i]);
            must(owed == before.owed[i] + (names[i] == roller ? amountWei : 0), "owed");
        }
    }

    /// A reward was credited: once, to the winner of the lottery, what its work is worth.
    function bookReward(uint64 batch, address winner, Sums memory before) internal {
        timesPaid[batch]++;
        must(timesPaid[batch] == 1, "paid twice");
        must(!compensated[batch], "paid after the bond paid");
        must(winner == drawnBy(batch), "winner");
        Batch memory b = rollup.batches(batch);
        uint256 perGas = uint256(b.unitPriceWei) * b.k;
        uint256 most = uint256(b.proverGasEstimate) * 11 / 10;
        uint256 work = workOf[batch];
        uint256 excess = work > most ? perGas * (work - most) : 0;
        uint256 amountWei = perGas * work - excess + least(excess, before.bonded);
        owedMore(before, winner, amountWei);
        must(before.bonded - scr.balanceOf(address(bond)) == least(excess, before.bonded), "excess");
        rewardedWei += amountWei;
    }

    /// The operator lost for what it did to `roller`: once for a task, half burned, half to the damaged.
    function bookCharge(uint64 batch, address roller, Offence offence, Sums memory before) internal {
        must(!wasCharged[batch][roller], "charged twice");
        wasCharged[batch][roller] = true;
        Batch memory b = rollup.batches(batch);
        uint256 dueWei = 2 * uint256(b.unitPriceWei) * b.k * b.proverGasEstimate;
        if (offence < Offence.DroppedSubmission && dueWei < court.fineWei(batch)) dueWei = court.fineWei(batch);
        uint256 lostWei = least(dueWei, before.bonded);
        must(before.bonded - scr.balanceOf(address(bond)) == lostWei, "lost");
        must(before.supply - scr.totalSupply() == lostWei / 2, "burned");
        burnedWei += lostWei / 2;
        uint256 toRollerWei = lostWei - lostWei / 2;
        owedMore(before, roller, toRollerWei);
        if (registry.isRegistered(roller)) grantedWei += toRollerWei;
    }

    /// A roller was fined: at most half of the least stake, and nobody else lost any.
    function bookFine(uint256 dueWei, uint256 who, address accuser, uint256 accuserBefore, Sums memory before)
        internal
    {
        must(who != HONEST, "the honest was fined");
        must(dueWei <= registry.stakeMinWei() / 2, "the fine is too large");
        uint256 takenWei = least(dueWei, before.stake[who]);
        uint256 creditWei = least(dueWei - takenWei, before.credits[who]);
        for (uint256 i = 0; i < ROLLERS; i++) {
            must(stakeOf(i) == before.stake[i] - (i == who ? takenWei : 0), "stake");
            must(pool.credits(names[i]) == before.credits[i] - (i == who ? creditWei : 0), "credits");
        }
        uint256 burned = takenWei - takenWei / 2 + creditWei - creditWei / 2;
        must(before.supply - scr.totalSupply() == burned, "burned by a fine");
        uint256 gainWei = least(parameters.value(Key.AccuserCostWei), takenWei / 4);
        must(scr.balanceOf(accuser) - accuserBefore == gainWei, "accuser");
        if (accuser == operator) operatorWei += gainWei;
        burnedWei += burned;
        finedWei[who] += takenWei;
        setOffWei += creditWei;
    }

    /// An accusation was answered: the accused has its costs, half of the bond is burned at least.
    function bookAnswer(uint256 who, uint256 bondWei, Sums memory before) internal {
        uint256 costWei = least(parameters.value(Key.RebuttalCostWei), bondWei / 2);
        owedMore(before, names[who], costWei);
        must(before.supply - scr.totalSupply() == bondWei - costWei, "burned bond");
        burnedWei += bondWei - costWei;
        costsWei += costWei;
    }

    /// The lottery, computed anew.
    function drawnBy(uint64 batch) internal view returns (address) {
        Entry[] memory entries = entriesPosted[batch];
        bytes32 beacon = keccak256(abi.encode("prevrandao", rollup.batches(batch).lotteryBlock));
        bytes32 seed = keccak256(
            abi.encode(bytes32("rollmill.lottery.v1"), rollup.taskId(batch), keccak256(abi.encode(entries)), beacon)
        );
        uint256 tickets = 0;
        for (uint256 i = 0; i < entries.length; i++) {
            tickets += entries[i].tickets;
        }
        uint256 ticket = uint256(seed) % tickets;
        uint256 position = 0;
        while (ticket >= entries[position].tickets) ticket -= entries[position++].tickets;
        return entries[position].roller;
    }

    function values(uint64 batch, address roller) internal view returns (PublicValues memory) {
        return rollup.expectedPublicValues(batch, roller, workOf[batch]);
    }

    function least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    // --- what must hold

    function checkHandlers() external view {
        vm.assertTrue(bytes(broken).length == 0, broken);
    }

    /// All stake is there, what accusations claim is frozen, and only fines and withdrawals took any away.
    function checkStake() external view {
        uint256 sum = 0;
        uint256 counted = 0;
        for (uint256 i = 0; i < ROLLERS; i++) {
            Roller memory r = registry.rollers(names[i]);
            sum += uint256(r.stakeWei) + r.unbondingWei;
            counted += r.stakeWei;
            vm.assertEq(stakeOf(i) + finedWei[i] + withdrawnWei[i], STAKE + depositedWei[i], "stake of a roller");
            vm.assertEq(registry.frozenWei(names[i]), frozenBy(i), "frozen");
        }
        vm.assertEq(scr.balanceOf(address(registry)), sum, "registry");
        vm.assertEq(registry.totalStakeWei(), counted, "total stake");
    }

    /// Who signs true proofs and answers in time loses nothing.
    function checkHonest() external view {
        vm.assertEq(stakeOf(HONEST), STAKE + depositedWei[HONEST], "honest");
        vm.assertTrue(registry.rollers(names[HONEST]).ready);
    }

    function checkCourt() external view {
        uint256 bonds = 0;
        for (uint256 i = 0; i < open.length; i++) {
            bonds += court.accusation(rollup.taskId(open[i].batch), open[i].round, names[open[i].who]).bondWei;
        }
        vm.assertEq(scr.balanceOf(address(court)), bonds, "court");
        vm.assertEq(open.length, court.openAccusations(), "accusations");
    }

    function checkBond() external view {
        vm.assertEq(scr.balanceOf(address(bond)), bond.bondWei() + bond.leavingWei(), "bond");
        vm.assertEq(scr.balanceOf(operator), operatorWei, "operator");
        vm.assertEq(scr.balanceOf(address(evidence)), 0);
        vm.assertEq(scr.balanceOf(address(control)) + scr.balanceOf(address(rollup)), 0);
    }

    function checkPool() external view {
        uint256 credits = 0;
        uint256 arrears = 0;
        for (uint256 i = 0; i < ROLLERS; i++) {
            credits += pool.credits(names[i]);
            arrears += pool.arrears(names[i]);
        }
        vm.assertEq(credits, pool.totalCredits(), "credits");
        vm.assertTrue(credits + pool.totalHeld() <= scr.balanceOf(address(pool)), "pool");
        vm.assertEq(credits + arrears + claimedWei + setOffWei, rewardedWei + grantedWei + costsWei, "owed in all");
    }

    /// All SCR is with those who are known here, and what is missing was burned for a reason.
    function checkSupply() external view {
        vm.assertEq(scr.totalSupply(), 100_000_000 ether + EMISSION - burnedWei, "burned");
        uint256 found = scr.balanceOf(address(this)) + scr.balanceOf(address(pool)) + scr.balanceOf(address(registry));
        found += scr.balanceOf(address(bond)) + scr.balanceOf(address(emission)) + scr.balanceOf(address(court));
        for (uint256 i = 0; i < ROLLERS; i++) {
            found += scr.balanceOf(names[i]) + scr.balanceOf(payoutOf(names[i]));
        }
        vm.assertEq(found + scr.balanceOf(operator), scr.totalSupply(), "found");
    }

    /// Of the last batches, which are all that can still change.
    function checkBatches() external view {
        uint64 last = rollup.committedBatch();
        vm.assertTrue(rollup.settledBatch() <= last);
        for (uint64 batch = last > 12 ? last - 12 : 1; batch <= last; batch++) {
            Batch memory b = rollup.batches(batch);
            vm.assertEq(timesPaid[batch], b.paid ? 1 : 0, "times paid");
            vm.assertTrue(!b.paid || b.settledAt != 0);
            vm.assertTrue((b.settledAt != 0) == (batch <= rollup.settledBatch()));
        }
    }

    function frozenBy(uint256 who) private view returns (uint256 sum) {
        for (uint256 i = 0; i < open.length; i++) {
            if (open[i].who != who) continue;
            sum += court.accusation(rollup.taskId(open[i].batch), open[i].round, names[who]).fineWei;
        }
    }
}
