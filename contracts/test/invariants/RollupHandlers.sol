// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Dials} from "../../src/interfaces/IControl.sol";
import {Key} from "../../src/interfaces/IParameters.sol";
import {IProgramTable} from "../../src/interfaces/IProgramTable.sol";
import {IRollup, Batch, Commit, Entry, Program, Reward} from "../../src/interfaces/IRollup.sol";
import {Claim} from "../../src/interfaces/ISettlement.sol";
import {Contribution} from "../../src/libraries/AggregateLib.sol";
import {PublicValues} from "../../src/libraries/PublicValues.sol";
import {Books} from "./Books.sol";

/// What rollers, operator, governor and strangers do about stake, batches and rewards. Each handler brings itself to where it can
/// do what it is for. The operator posts false entries and snapshots, declares too little work, moves its dials and its bond.
abstract contract RollupHandlers is Books {
    /// @dev Longest that a handler lets pass without asking `pass`.
    uint256 private constant SHORT_S = 4 hours;
    uint64 private constant UNSETTLED_MAX = 6;

    /// Counts a handler that went through.
    modifier done() {
        answerInTime(SHORT_S);
        _;
        succeeded[msg.sig]++;
    }

    /// The honest roller answers what would run out.
    function answerInTime(uint256 aheadS) internal virtual;

    function pass(uint256 timeS) internal {
        answerInTime(timeS + SHORT_S);
        vm.warp(block.timestamp + timeS);
    }

    // --- rollers

    function depositStake(uint256 who, uint256 amount) external done {
        deposit_(who % ROLLERS, 1 + amount % 1000 ether);
    }

    function requestUnbond(uint256 who, uint256 amount) external done {
        who = dishonest(who);
        vm.prank(names[who]);
        registry.requestUnbond(1 + amount % 500 ether);
    }

    function withdraw(uint256 who) external done {
        who = dishonest(who);
        if (registry.rollers(names[who]).unbondingWei == 0) {
            vm.prank(names[who]);
            registry.requestUnbond(1 ether);
        }
        uint256 untilS = registry.rollers(names[who]).unbondAt;
        if (untilS > block.timestamp) pass(untilS - block.timestamp);
        withdraw_(who);
    }

    function setReady(uint256 who) external done {
        vm.prank(names[who % ROLLERS]);
        registry.setReady(true);
    }

    function claim(uint256 who) external done {
        who %= ROLLERS;
        if (pool.credits(names[who]) == 0) who = indexOf(settle_());
        uint256 before = scr.balanceOf(payoutOf(names[who]));
        uint256 amountWei = pool.claim(names[who]);
        must(scr.balanceOf(payoutOf(names[who])) - before == amountWei, "claimed");
        claimedWei += amountWei;
    }

    /// More was earned than the pool has.
    function creditArrears(uint256 amount) external done {
        clearQueue();
        Dials memory d = control.current();
        uint64 heavy = uint64((pool.available() + 20 ether) / (uint256(d.unitPriceWei) * d.k));
        uint64 batch = commit_(JUDGED, 1, heavy);
        enter_(batch, entriesFor(batch, ROLLERS));
        address winner = settle_();
        uint256 arrears = pool.arrears(winner);
        uint256 fundedWei = 1 + amount % 10 ether;
        scr.transfer(address(pool), fundedWei);
        pool.creditArrears(winner);
        must(arrears - pool.arrears(winner) == fundedWei, "arrears");
    }

    // --- batches

    function commitBatch(uint256 seed) external done {
        commit_(seed % 2 == 0 ? JUDGED : UNJUDGED, seed, GAS);
    }

    function enter() external done {
        uint64 batch = fresh(JUDGED);
        enter_(batch, entriesFor(batch, ROLLERS));
    }

    /// The operator leaves somebody out, names its crony, inflates tickets or posts what nobody proved.
    function enterFalsely(uint256 seed) external done {
        uint64 batch = fresh(JUDGED);
        Entry[] memory entries = entriesFor(batch, seed % 2 == 0 ? seed % ROLLERS : ROLLERS);
        Entry memory last = entries[entries.length - 1];
        if (seed % 3 == 0) last.tickets = 1_000_000;
        if (seed % 3 == 1) last.proofDigest = keccak256("what nobody proved");
        if (seed % 3 == 2) last.proofDigest = entries[0].proofDigest;
        enter_(batch, entries);
    }

    function settle() external done {
        settle_();
    }

    /// Batches settle together, by their winners' proofs and by others'; then somebody asks whose the rewards are.
    function settleTogether(uint256 seed) external done {
        clearQueue();
        uint64 first = rollup.settledBatch() + 1;
        uint64 last = first + uint64(seed % 3);
        Contribution[] memory c = new Contribution[](last + 1 - first);
        for (uint64 batch = first; batch <= last; batch++) {
            must(fresh(JUDGED) == batch, "another batch");
            enter_(batch, entriesFor(batch, ROLLERS));
            uint256 who = indexOf(drawnBy(batch));
            // Somebody else's in a third.
            if ((seed >> (8 * (batch - first + 1))) % 3 == 0) who = (who + 1) % ROLLERS;
            c[batch - first] = contribution(values(batch, names[who]));
        }
        Sums memory before = sums();
        bytes memory proof = proofOf(aggregate(first, last, c));
        vm.prank(operator);
        settlement.settleMany(1, first, last, c, proof);
        owedMore(before, address(0), 0);
        for (uint64 batch = first; batch <= last; batch++) {
            resolve_(last, c, batch, c[batch - first].roller);
        }
    }

    function resolve_(uint64 last, Contribution[] memory c, uint64 batch, address by) private {
        address winner = drawnBy(batch);
        bytes memory proof = proofOf(values(batch, winner));
        Claim[] memory claims = new Claim[](1);
        claims[0] = Claim(batch, bytes32(proof), bodyHashOf(proof), entriesPosted[batch]);
        Sums memory before = sums();
        settlement.resolve(last, c, claims);
        if (by == winner) {
            bookReward(batch, winner, before);
        } else {
            owedMore(before, address(0), 0);
            held.push(batch);
        }
        (bool again,) = address(settlement).call(abi.encodeCall(settlement.resolve, (last, c, claims)));
        must(!again, "resolved twice");
    }

    function settleUnpaid(uint256 who) external done {
        if (rollup.settledBatch() == rollup.committedBatch()) fresh(JUDGED);
        settleUnpaid_(who % ROLLERS);
    }

    function claimLate() external done {
        uint64 batch = hold();
        address winner = drawnBy(batch);
        PublicValues memory pv = values(batch, winner);
        Sums memory before = sums();
        settlement.claimLate(batch, pv, proofOf(pv), entriesPosted[batch]);
        bookReward(batch, winner, before);
        held.pop();
    }

    function burnHeld() external done {
        burnHeld_();
    }

    function nextSnapshot(uint256 seed) external done {
        snapshot_(seed % 3 == 0);
    }

    // --- the operator's own

    function depositBond(uint256 amount) external done {
        bond.deposit(1 + amount % 1000 ether);
    }

    function leaveBond(uint256 amount) external done {
        vm.prank(operator);
        bond.requestWithdrawal(1 + amount % 300_000 ether);
    }

    function withdrawBond() external done {
        clearQueue();
        if (bond.leavingWei() == 0) {
            vm.prank(operator);
            bond.requestWithdrawal(1 ether);
        }
        if (bond.leavesAtS() > block.timestamp) pass(bond.leavesAtS() - block.timestamp);
        uint256 leavingWei = bond.leavingWei();
        vm.prank(operator);
        bond.withdraw();
        operatorWei += leavingWei;
    }

    /// Dials within a step are taken, others never.
    function postDials(uint256 seed) external done {
        (Dials memory d, uint64 epoch) = control.posted();
        if (epoch > rollup.currentEpoch()) snapshot_(false);
        uint256 step = d.unitPriceWei / 8;
        bool isTooMuch = seed % 4 == 0;
        uint256 way = isTooMuch ? step + 1 + seed % 1e12 : (seed >> 8) % (step + 1);
        // Downwards from time to time, and back from where a batch is dear.
        bool isDown = seed % 3 == 0 || d.unitPriceWei > 2e12;
        d.unitPriceWei = uint128(isDown ? d.unitPriceWei - least(way, d.unitPriceWei) : d.unitPriceWei + way);
        if (seed % 5 == 0) d.k = d.k > 2 ? d.k - 1 : d.k + 1;
        epoch = rollup.currentEpoch() + 1;
        vm.prank(operator);
        try control.post(epoch, d, keccak256("log")) {
            must(!isTooMuch, "a step too large");
        } catch {
            must(isTooMuch, "a step refused");
        }
    }

    /// Nothing that credits, fines or takes can be called by the operator, and nothing final be changed by it.
    function operatorTries(uint256 what) external done {
        clearQueue();
        uint64 batch = fresh(JUDGED);
        // Whoever is drawn, the posted bytes are the crony's.
        Entry[] memory entries = entriesFor(batch, ROLLERS);
        for (uint256 i = 0; i < entries.length; i++) {
            entries[i].proofDigest = entries[CRONY].proofDigest;
        }
        enter_(batch, entries);
        (address target, bytes memory data) = what % 2 == 0 ? payments(what / 2, batch) : changes(what / 2, batch);
        vm.prank(operator);
        (bool isDone,) = target.call(data);
        must(!isDone, "the operator could");
        // In the crony's name when it was not drawn, or in another's when it was.
        (target, data) = changes(5, batch);
        vm.prank(operator);
        (isDone,) = target.call(data);
        must(!isDone, "the operator named the payee");
    }

    function payments(uint256 what, uint64 batch) private view returns (address, bytes memory) {
        address crony = names[CRONY];
        what %= 7;
        if (what == 0) return (address(pool), abi.encodeCall(pool.credit, (crony, 1 ether)));
        if (what == 1) return (address(pool), abi.encodeCall(pool.hold, (batch, 1 ether, type(uint64).max)));
        if (what == 2) return (address(pool), abi.encodeCall(pool.release, (batch, crony)));
        if (what == 3) return (address(bond), abi.encodeCall(bond.slash, (crony, 1 ether)));
        if (what == 4) return (address(bond), abi.encodeCall(bond.payExcess, (crony, 1 ether)));
        if (what == 5) return (address(emission), abi.encodeCall(emission.record, (crony, 1e6)));
        return (address(rollup), abi.encodeCall(rollup.reward, (batch, crony, GAS, Reward.Now)));
    }

    function changes(uint256 what, uint64 batch) private view returns (address, bytes memory) {
        address honest = names[HONEST];
        what %= 7;
        if (what == 0) return (address(pool), abi.encodeCall(pool.setOff, (honest, 1)));
        if (what == 1) return (address(registry), abi.encodeCall(registry.fine, (honest, 1 ether, operator, 1 ether)));
        if (what == 2) return (address(registry), abi.encodeCall(registry.setPayout, (honest, operator)));
        if (what == 3) return (address(parameters), abi.encodeCall(parameters.announce, (Key.FineMinWei, 1000 ether)));
        if (what == 6) return (address(rollup), abi.encodeCall(rollup.settleThrough, (batch)));
        Entry[] memory entries = entriesPosted[batch];
        if (what == 4) return (address(rollup), abi.encodeCall(rollup.postEntries, (batch, entries)));
        // A true proof of somebody whom the lottery did not draw.
        PublicValues memory pv = values(batch, drawnBy(batch) == names[CRONY] ? names[0] : names[CRONY]);
        return (address(rollup), abi.encodeCall(rollup.settle, (pv, proofOf(pv), entries)));
    }

    // --- emission, programs, parameters

    function claimEmission() external done {
        address winner = settle_();
        uint64 epoch = emission.currentEpoch();
        pass(1 days);
        uint256 amountWei = emission.claim(epoch, winner);
        must(!wasEmitted[epoch][winner], "emitted twice");
        wasEmitted[epoch][winner] = true;
        emittedWei[epoch] += amountWei;
        must(emittedWei[epoch] <= emission.potWei(epoch), "more than the pot");
        (bool again,) = address(emission).call(abi.encodeCall(emission.claim, (epoch, winner)));
        must(!again, "emitted again");
    }

    function burnPot() external done {
        pass(2 days);
        uint64 epoch = emission.currentEpoch() - 1;
        uint256 supply = scr.totalSupply();
        emission.burnIdle(epoch);
        must(supply - scr.totalSupply() == emission.potWei(epoch), "burned pot");
        must(emittedWei[epoch] == 0, "burned what was emitted");
        burnedWei += emission.potWei(epoch);
    }

    /// A new program waits for a week, whoever wants it at once.
    function announceProgram(bool isTotal) external done {
        Program memory p = rollup.programs(isTotal ? JUDGED : UNJUDGED);
        (bool byStranger,) = address(rollup).call(abi.encodeCall(IProgramTable.announceProgram, (p)));
        must(!byStranger, "a stranger's program");
        vm.prank(governor);
        uint32 version = rollup.announceProgram(p);
        if (rollup.committedBatch() - rollup.settledBatch() >= UNSETTLED_MAX) clearQueue();
        Commit memory c = nextCommit();
        c.programVersion = version;
        vm.prank(operator);
        (bool tooEarly,) = address(rollup).call(abi.encodeCall(IRollup.commit, (c, "data")));
        must(!tooEarly, "a program too early");
        pass(7 days);
        commit_(version, 1, GAS);
    }

    function changeParameter(uint256 which, uint256 value) external done {
        Key[5] memory some =
            [Key.FineMinWei, Key.RebuttalBondWei, Key.RebuttalCostWei, Key.AccuserCostWei, Key.QuarantineRollersMin];
        Key key = some[which % 5];
        (uint256 min, uint256 max) = parameters.bounds(key);
        // So that accusations stay affordable, and a quarantine within reach.
        if (key == Key.RebuttalBondWei) max = 5000 ether;
        if (key == Key.QuarantineRollersMin) max = 3;
        value = min + value % (max - min + 1);
        vm.prank(governor);
        parameters.announce(key, uint96(value));
        pass(7 days);
        must(parameters.value(key) == value, "parameter");
    }

    // --- steps

    function deposit_(uint256 who, uint256 amountWei) internal {
        depositedWei[who] += amountWei;
        scr.transfer(names[who], amountWei);
        vm.startPrank(names[who]);
        scr.approve(address(registry), amountWei);
        registry.deposit(amountWei);
        vm.stopPrank();
    }

    /// What accusations claim stays, as far as it was there.
    function withdraw_(uint256 who) internal {
        uint256 before = stakeOf(who);
        uint256 paidBefore = scr.balanceOf(payoutOf(names[who]));
        vm.prank(names[who]);
        registry.withdraw();
        withdrawnWei[who] += scr.balanceOf(payoutOf(names[who])) - paidBefore;
        must(stakeOf(who) >= least(registry.frozenWei(names[who]), before), "frozen stake left");
    }

    function commit_(uint32 version, uint256 seed, uint64 declared) internal returns (uint64 batch) {
        if (rollup.committedBatch() - rollup.settledBatch() >= UNSETTLED_MAX) clearQueue();
        if (bond.bondWei() < 200_000 ether) bond.deposit(200_000 ether);
        Commit memory c = nextCommit();
        c.programVersion = version;
        c.proverGasEstimate = declared;
        commit(c);
        batch = c.batch;
        // A third of the batches are twice the work that the operator declared.
        workOf[batch] = seed % 3 == 0 ? 2 * declared : declared;
    }

    /// A new batch with its draw.
    function fresh(uint32 version) internal returns (uint64 batch) {
        batch = commit_(version, ++nonce, GAS);
        storeBeacon(rollup.drawBlock(batch));
    }

    /// True entries of all rollers but one.
    function entriesFor(uint64 batch, uint256 without) internal view returns (Entry[] memory entries) {
        entries = new Entry[](without < ROLLERS ? ROLLERS - 1 : ROLLERS);
        uint256 n = 0;
        for (uint256 i = 0; i < ROLLERS; i++) {
            if (i == without) continue;
            entries[n++] = Entry(names[i], uint32(i + 1), digestOf(proofOf(values(batch, names[i]))));
        }
    }

    /// Posts entries and stores the lottery's beacon.
    function enter_(uint64 batch, Entry[] memory entries) internal {
        post_(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
    }

    function post_(uint64 batch, Entry[] memory entries) internal {
        if (rollup.beacons(rollup.drawBlock(batch)) == 0) storeBeacon(rollup.drawBlock(batch));
        vm.prank(operator);
        rollup.postEntries(batch, entries);
        for (uint256 i = 0; i < entries.length; i++) {
            entriesPosted[batch].push(entries[i]);
        }
    }

    /// Settles the next batch by its winner; by a stranger's hand.
    function settle_() internal returns (address winner) {
        uint64 batch = rollup.settledBatch() + 1;
        if (rollup.committedBatch() < batch) fresh(JUDGED);
        if (rollup.batches(batch).entriesHash == 0) enter_(batch, entriesFor(batch, ROLLERS));
        winner = drawnBy(batch);
        // False entries can be such that nobody settles by them.
        if (digestOf(proofOf(values(batch, winner))) != rollup.winnerOf(batch, entriesPosted[batch]).proofDigest) {
            settleUnpaid_(0);
            return settle_();
        }
        PublicValues memory pv = values(batch, winner);
        Sums memory before = sums();
        vm.prank(stranger);
        rollup.settle(pv, proofOf(pv), entriesPosted[batch]);
        bookReward(batch, winner, before);
    }

    function settleUnpaid_(uint256 who) internal {
        uint64 batch = rollup.settledBatch() + 1;
        uint256 fromS = rollup.unpaidFrom(batch);
        if (block.timestamp < fromS) pass(fromS - block.timestamp);
        PublicValues memory pv = values(batch, names[who]);
        Sums memory before = sums();
        rollup.settleUnpaid(pv, proofOf(pv));
        owedMore(before, address(0), 0);
        if (rollup.batches(batch).entriesHash != 0) held.push(batch);
    }

    function clearQueue() internal {
        while (rollup.settledBatch() < rollup.committedBatch()) settleUnpaid_(0);
    }

    /// A batch that settled round its winner, who can still claim.
    function hold() internal returns (uint64 batch) {
        clearQueue();
        batch = fresh(JUDGED);
        enter_(batch, entriesFor(batch, ROLLERS));
        settleUnpaid_(nonce % ROLLERS);
        must(held[held.length - 1] == batch, "not held");
    }

    function burnHeld_() internal returns (uint64 batch) {
        batch = hold();
        uint256 untilS = pool.heldUntilS(batch);
        (bool early,) = address(pool).call(abi.encodeCall(pool.burnHeld, (batch)));
        must(!early, "burned too early");
        pass(untilS + 1 - block.timestamp);
        (uint256 supply, uint256 heldWei) = (scr.totalSupply(), pool.totalHeld());
        pool.burnHeld(batch);
        must(supply - scr.totalSupply() == heldWei - pool.totalHeld(), "burned what was held");
        must(timesPaid[batch] == 0, "burned and paid");
        burnedWei += supply - scr.totalSupply();
        held.pop();
    }

    /// Posts the next snapshot: as staked, or with a crony a thousand times as rich.
    function snapshot_(bool isFalse) internal {
        bytes memory leaves;
        for (uint256 i = 0; i < ROLLERS; i++) {
            uint128 stakeWei = registry.rollers(names[i]).stakeWei;
            if (isFalse && i == CRONY) stakeWei = 1000 * stakeWei + 1 ether;
            leaves = abi.encodePacked(leaves, names[i], stakeWei, uint64(1e9), uint32(2));
        }
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        uint64 epoch = rollup.currentEpoch() + 1;
        vm.prank(operator);
        rollup.postSnapshot(epoch, root, total, leaves);
        leavesOf[epoch] = leaves;
    }

    function dishonest(uint256 who) internal pure returns (uint256) {
        return [uint256(0), 1, CRONY][who % 3];
    }

    function indexOf(address roller) internal view returns (uint256 who) {
        while (names[who] != roller) who++;
    }
}
