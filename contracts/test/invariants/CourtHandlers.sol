// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Accusation} from "../../src/interfaces/ICourt.sol";
import {Batch, Submission} from "../../src/interfaces/IRollup.sol";
import {PublicValues, PublicValuesLib} from "../../src/libraries/PublicValues.sol";
import {ReceiptLib, SubmissionReceipt, VerdictReceipt} from "../../src/libraries/ReceiptLib.sol";
import {RollupHandlers} from "./RollupHandlers.sol";

/// What is said of rollers' proofs: garbage judged at once, accusations of the good and the bad alike, every kind of answer, and a
/// program with which so many fail that fines stop.
abstract contract CourtHandlers is RollupHandlers {
    using PublicValuesLib for PublicValues;

    function judgeGarbage(uint256 who, uint256 seed) external done {
        calm(JUDGED);
        judge_(batchOf(JUDGED), dishonest(who), seed % 2 == 0 ? operator : address(this));
    }

    /// A true proof is cleared, also by an accuser that means no good.
    function judgeValid(uint256 who) external done {
        uint64 batch = batchOf(JUDGED);
        PublicValues memory pv = values(batch, names[who % ROLLERS]);
        (Submission memory s, bytes memory signature) = signedBy(batch, who % ROLLERS, pv.hash(), proofOf(pv));
        Sums memory before = sums();
        vm.prank(operator);
        court.judge(batch, s, signature, pv, proofOf(pv));
        must(scr.totalSupply() == before.supply, "burned for a true proof");
        must(stakeOf(who % ROLLERS) == before.stake[who % ROLLERS], "fined for a true proof");
    }

    function accuse(uint256 who, bool isTrue) external done {
        calm(UNJUDGED);
        accuseSomebody(who, isTrue);
    }

    function answer(uint256 who) external done {
        calm(UNJUDGED);
        for (uint256 i = 0; i < open.length; i++) {
            if (open[i].isTrue && isInTime(i)) return answer_(i);
        }
        accuseSomebody(who, true);
        answer_(open.length - 1);
    }

    /// The operator's word clears anybody, also its crony.
    function defend(uint256 which) external done {
        which = accused(which);
        Open memory o = open[which];
        bytes32 task = rollup.taskId(o.batch);
        Accusation memory a = court.accusation(task, o.round, names[o.who]);
        VerdictReceipt memory r = VerdictReceipt(task, o.round, names[o.who], a.proofDigest, true, true);
        Sums memory before = sums();
        court.defend(o.batch, r, signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, r))));
        bookAnswer(o.who, a.bondWei, before);
        forget(which);
    }

    /// The submission was older than an accusation may be.
    function defendExpired(uint256 which) external done {
        which = accused(which);
        Open memory o = open[which];
        bytes32 task = rollup.taskId(o.batch);
        Accusation memory a = court.accusation(task, o.round, names[o.who]);
        uint64 receivedAt = court.accusedAt(names[o.who]) - 1 days - 1;
        SubmissionReceipt memory r =
            SubmissionReceipt(task, o.round, names[o.who], a.publicValuesHash, a.proofDigest, receivedAt);
        Sums memory before = sums();
        court.defendExpired(r, signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.SUBMISSION_RECEIPT_TYPEHASH, r))));
        bookAnswer(o.who, a.bondWei, before);
        forget(which);
    }

    function convict(uint256 who) external done {
        calm(UNJUDGED);
        uint256 which = open.length;
        for (uint256 i = 0; i < open.length; i++) {
            if (open[i].who != HONEST) which = i;
        }
        if (which == open.length) accuse_(dishonest(who), false);
        Open memory o = open[which];
        bytes32 task = rollup.taskId(o.batch);
        Accusation memory a = court.accusation(task, o.round, names[o.who]);
        // The honest one's answers in the meantime move the others.
        if (a.untilS > block.timestamp) pass(a.untilS - block.timestamp);
        Sums memory before = sums();
        uint256 mine = scr.balanceOf(address(this)) + a.bondWei;
        court.convict(task, o.round, names[o.who]);
        bookFine(a.fineWei, o.who, address(this), mine, before);
        for (uint256 i = 0; i < open.length; i++) {
            if (open[i].batch == o.batch && open[i].round == o.round && open[i].who == o.who) return forget(i);
        }
        must(false, "convicted of nothing");
    }

    /// Takes everything out in time, but is accused before it is gone; comes back afterwards.
    function leaveAccused(uint256 who) external done {
        calm(UNJUDGED);
        who = dishonest(who);
        uint256 stakeWei = registry.rollers(names[who]).stakeWei;
        vm.prank(names[who]);
        registry.requestUnbond(stakeWei);
        pass(7 days);
        if (registry.frozenWei(names[who]) == 0) accuse_(who, false);
        uint256 before = stakeOf(who);
        withdraw_(who);
        must(stakeOf(who) == least(registry.frozenWei(names[who]), before), "more than what is claimed stayed");
        deposit_(who, STAKE);
    }

    /// All three fail with one version: from then on nobody is fined for it.
    function quarantine(uint256 seed) external done {
        calm(JUDGED);
        snapshot_(false);
        uint64 batch = fresh(JUDGED);
        for (uint256 i = 0; i < 3 && !court.quarantined(JUDGED); i++) {
            judge_(batch, dishonest(i), address(this));
        }
        require(court.quarantined(JUDGED), "not enough stake failed");
        (Submission memory s, bytes memory signature) = signedBy(batch, dishonest(seed), keccak256("any"), "garbage");
        PublicValues memory none;
        (bool isDone,) = address(court).call(abi.encodeCall(court.judge, (batch, s, signature, none, "garbage")));
        must(!isDone, "fined in a quarantine");
    }

    // --- steps

    function answerInTime(uint256 aheadS) internal override {
        for (uint256 i = open.length; i > 0; i--) {
            Open memory o = open[i - 1];
            if (o.who != HONEST) continue;
            uint256 untilS = court.accusation(rollup.taskId(o.batch), o.round, names[HONEST]).untilS;
            if (untilS <= block.timestamp + aheadS) answer_(i - 1);
        }
    }

    /// Lets a quarantine end.
    function calm(uint32 version) internal {
        while (court.quarantined(version)) snapshot_(false);
    }

    /// The last batch of a version, if it can still be judged; else a new one.
    function batchOf(uint32 version) internal returns (uint64 batch) {
        for (batch = rollup.committedBatch(); batch > 0; batch--) {
            Batch memory b = rollup.batches(batch);
            if (b.settledAt != 0 && b.settledAt + 1 days < block.timestamp) break;
            if (b.programVersion == version) return batch;
        }
        return fresh(version);
    }

    /// Signed for a round of its own, so that no seat is judged twice.
    function signedBy(uint64 batch, uint256 who, bytes32 publicValuesHash, bytes memory proof)
        internal
        returns (Submission memory s, bytes memory signature)
    {
        s = Submission(rollup.taskId(batch), ++nonce, names[who], publicValuesHash, digestOf(proof));
        signature = signed(keys[who], s);
    }

    function judge_(uint64 batch, uint256 who, address accuser) private {
        (Submission memory s, bytes memory signature) = signedBy(batch, who, keccak256("anything"), "garbage");
        PublicValues memory none;
        Sums memory before = sums();
        uint256 balance = scr.balanceOf(accuser);
        vm.prank(accuser);
        court.judge(batch, s, signature, none, "garbage");
        bookFine(court.fineWei(batch), who, accuser, balance, before);
        must(court.fined(s.task, s.round, names[who]), "not fined");
    }

    function accuse_(uint256 who, bool isTrue) private {
        uint64 batch = batchOf(UNJUDGED);
        if (bond.bondWei() < 200_000 ether) bond.deposit(200_000 ether);
        PublicValues memory pv = values(batch, names[who]);
        (Submission memory s, bytes memory signature) =
            signedBy(batch, who, pv.hash(), isTrue ? proofOf(pv) : bytes("garbage"));
        uint256 balance = scr.balanceOf(address(this));
        court.accuse(batch, s, signature);
        Accusation memory a = court.accusation(s.task, s.round, names[who]);
        must(balance - scr.balanceOf(address(this)) == a.bondWei, "accuser's bond");
        must(a.bondWei >= a.fineWei && a.fineWei <= registry.stakeMinWei() / 2, "bounds of an accusation");
        open.push(Open(batch, s.round, who, isTrue));
    }

    function answer_(uint256 which) private {
        Open memory o = open[which];
        bytes32 task = rollup.taskId(o.batch);
        uint256 bondWei = court.accusation(task, o.round, names[o.who]).bondWei;
        PublicValues memory pv = values(o.batch, names[o.who]);
        Sums memory before = sums();
        vm.prank(stranger);
        court.rebut(task, o.round, names[o.who], pv, proofOf(pv));
        bookAnswer(o.who, bondWei, before);
        forget(which);
    }

    /// An accusation that can still be answered.
    function accused(uint256 seed) private returns (uint256 which) {
        for (which = 0; which < open.length; which++) {
            if (isInTime(which)) return which;
        }
        calm(UNJUDGED);
        accuseSomebody(seed, seed % 2 == 0);
        return open.length - 1;
    }

    /// Of a true proof or of garbage, the first who is not accused yet.
    function accuseSomebody(uint256 seed, bool isTrue) private {
        for (uint256 i = seed % 12; i < seed % 12 + ROLLERS; i++) {
            uint256 who = isTrue ? i % ROLLERS : dishonest(i);
            if (registry.frozenWei(names[who]) == 0) return accuse_(who, isTrue);
        }
        // All are: the honest one answers, and is accused anew.
        answerInTime(type(uint64).max);
        accuse_(HONEST, true);
    }

    function isInTime(uint256 which) private view returns (bool) {
        Open memory o = open[which];
        return block.timestamp < court.accusation(rollup.taskId(o.batch), o.round, names[o.who]).untilS;
    }

    function forget(uint256 position) private {
        open[position] = open[open.length - 1];
        open.pop();
    }
}
