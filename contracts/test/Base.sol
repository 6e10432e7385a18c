// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Control} from "../src/Control.sol";
import {Court} from "../src/Court.sol";
import {Draws} from "../src/Draws.sol";
import {Emission} from "../src/Emission.sol";
import {Enforcement} from "../src/Enforcement.sol";
import {Evidence} from "../src/Evidence.sol";
import {OperatorBond} from "../src/OperatorBond.sol";
import {Parameters} from "../src/Parameters.sol";
import {RewardPool} from "../src/RewardPool.sol";
import {RollerRegistry} from "../src/RollerRegistry.sol";
import {Rollup} from "../src/Rollup.sol";
import {Settlement} from "../src/Settlement.sol";
import {ScrToken, ScrTokenParams} from "../src/ScrToken.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {Dials} from "../src/interfaces/IControl.sol";
import {EmissionParams} from "../src/interfaces/IEmission.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {RegistryParams} from "../src/interfaces/IRollerRegistry.sol";
import {Batch, Commit, Entry, Program, RollupParams, Submission} from "../src/interfaces/IRollup.sol";
import {SettlementParams} from "../src/interfaces/ISettlement.sol";
import {ProofLib} from "../src/libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    HeartbeatReceipt,
    PassOverReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";
import {SnapshotLib, Tree} from "../src/libraries/SnapshotLib.sol";
import {MockVerifier} from "../src/verifiers/MockVerifier.sol";
import {Vm} from "./Vm.sol";

/// @notice A deployed rollup with three staked rollers, and the steps of a round.
abstract contract Base {
    using PublicValuesLib for PublicValues;

    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    uint256 internal constant STAKE = 10_000 ether;
    uint64 internal constant GAS = 5_000_000;
    uint256 internal constant BOND = 1_000_000 ether;
    uint256 internal constant EMISSION = 10_000_000 ether;
    uint256 internal constant OPERATOR_KEY = 0x0be7a704;
    uint64 internal constant L2_CHAIN_ID = 1337002;
    bytes32 internal constant EXE = keccak256("exe");
    bytes32 internal constant VM_COMMIT = keccak256("vm");
    bytes32 internal constant AGGREGATE_EXE = keccak256("aggregate exe");
    bytes32 internal constant AGGREGATE_VM = keccak256("aggregate vm");
    bytes32 internal constant LAW = keccak256("law");

    address internal operator = vm.addr(OPERATOR_KEY);
    address internal governor = address(0x60be7202);
    address internal stranger = address(0x572a46e7);

    ScrToken internal scr;
    MockVerifier internal mock;
    RewardPool internal pool;
    RollerRegistry internal registry;
    Parameters internal parameters;
    Control internal control;
    OperatorBond internal bond;
    Emission internal emission;
    Court internal court;
    Evidence internal evidence;
    Draws internal draws;
    Enforcement internal enforcement;
    Settlement internal settlement;
    Rollup internal rollup;
    Contracts internal deployed;

    /// Sorted by address.
    address[3] internal rollers;
    uint256[3] internal signerKeys = [uint256(0xa11ce), 0xb0b, 0xca401];

    function setUp() public virtual {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        deploy(params());
        scr.transfer(address(pool), 1_000_000 ether);
        scr.approve(address(bond), BOND);
        bond.deposit(BOND);
        for (uint160 i = 0; i < 3; i++) {
            rollers[i] = address(0x1000 + i);
            join(rollers[i], vm.addr(signerKeys[i]), STAKE);
        }
    }

    // --- deployment

    function params() internal view virtual returns (RollupParams memory p) {
        p.operator = operator;
        p.governor = governor;
        p.l2ChainId = L2_CHAIN_ID;
        p.genesisStateRoot = keccak256("state 0");
        p.genesisBlockHash = keccak256("block 0");
        p.genesisWithdrawalRoot = keccak256("withdrawals 0");
        p.genesisTimestamp = 1_799_000_000;
        p.drawLag = 4;
        p.lotteryLag = 4;
        p.forceS = 1 days;
        p.futureS = 15;
        p.programDelayS = 7 days;
        p.messageGasPriceWei = 1 gwei;
        p.messageGasMax = 2_000_000;
    }

    function verifier() internal virtual returns (address) {
        mock = new MockVerifier();
        return address(mock);
    }

    /// In the order of Key.
    function numbers() internal view virtual returns (uint96[] memory v) {
        v = new uint96[](19);
        v[uint256(Key.SettleS)] = 600;
        v[uint256(Key.FallbackS)] = 1800;
        v[uint256(Key.ClaimS)] = 3600;
        v[uint256(Key.AccuseS)] = 1 days;
        v[uint256(Key.DefendS)] = 12 hours;
        v[uint256(Key.HeartbeatS)] = 30;
        v[uint256(Key.FineMinWei)] = 100 ether;
        v[uint256(Key.RebuttalBondWei)] = 1000 ether;
        v[uint256(Key.RebuttalCostWei)] = 400 ether;
        v[uint256(Key.AccuserCostWei)] = 10 ether;
        v[uint256(Key.UnitPriceMinWei)] = 1;
        v[uint256(Key.UnitPriceMaxWei)] = 1e18;
        v[uint256(Key.ProverGasMax)] = type(uint64).max;
        v[uint256(Key.BeaconCapWei)] = type(uint96).max;
        v[uint256(Key.EmissionGasMax)] = 2 * GAS;
        v[uint256(Key.QuarantineRollersMin)] = 3;
        v[uint256(Key.ForceDelayS)] = 2 days;
        v[uint256(Key.LivenessS)] = 3 days;
        v[uint256(Key.DropS)] = 12 hours;
    }

    function dials() internal view virtual returns (Dials memory) {
        return Dials(1e12, 60_000, 32, 3);
    }

    function deploy(RollupParams memory p) internal {
        uint64 nonce = vm.getNonce(address(this));
        Contracts memory c = Contracts({
            token: vm.computeCreateAddress(address(this), nonce),
            parameters: vm.computeCreateAddress(address(this), nonce + 1),
            control: vm.computeCreateAddress(address(this), nonce + 2),
            rewardPool: vm.computeCreateAddress(address(this), nonce + 3),
            registry: vm.computeCreateAddress(address(this), nonce + 4),
            bond: vm.computeCreateAddress(address(this), nonce + 5),
            emission: vm.computeCreateAddress(address(this), nonce + 6),
            court: vm.computeCreateAddress(address(this), nonce + 7),
            evidence: vm.computeCreateAddress(address(this), nonce + 8),
            draws: vm.computeCreateAddress(address(this), nonce + 9),
            enforcement: vm.computeCreateAddress(address(this), nonce + 10),
            settlement: vm.computeCreateAddress(address(this), nonce + 12),
            rollup: vm.computeCreateAddress(address(this), nonce + 13)
        });
        deployed = c;
        scr = new ScrToken(ScrTokenParams(1_000_000_000 ether, address(this), 100_000_000 ether, c.emission, EMISSION));
        parameters = new Parameters(governor, numbers());
        control = new Control(c, dials(), LAW);
        pool = new RewardPool(c);
        registry = new RollerRegistry(c, RegistryParams(1000 ether, 7 days));
        bond = new OperatorBond(c);
        emission = new Emission(c, EmissionParams(1 days, 365, uint128(EMISSION / 730)));
        court = new Court(c);
        evidence = new Evidence(c);
        draws = new Draws(c);
        enforcement = new Enforcement(c);
        p.programs = new Program[](1);
        p.programs[0] = Program(EXE, VM_COMMIT, verifier(), 1, 1, 0);
        settlement = new Settlement(c, settlementParams(p));
        rollup = new Rollup(c, p);
    }

    function settlementParams(RollupParams memory p) internal pure returns (SettlementParams memory s) {
        s.governor = p.governor;
        s.programDelayS = p.programDelayS;
        s.programs = new Program[](1);
        s.programs[0] = Program(AGGREGATE_EXE, AGGREGATE_VM, p.programs[0].verifier, 0, 0, 0);
    }

    function join(address roller, address signer, uint256 stakeWei) internal {
        scr.transfer(roller, stakeWei);
        vm.startPrank(roller);
        registry.register(signer, payoutOf(roller), 2, "");
        scr.approve(address(registry), stakeWei);
        registry.deposit(stakeWei);
        registry.setReady(true);
        vm.stopPrank();
    }

    function payoutOf(address roller) internal pure returns (address) {
        return address(uint160(roller) + 0x10000);
    }

    // --- the steps of a round

    function nextCommit() internal view returns (Commit memory c) {
        uint64 batch = rollup.committedBatch() + 1;
        Batch memory previous = rollup.batches(batch - 1);
        c.batch = batch;
        c.programVersion = 1;
        c.lastBlock = previous.lastBlock + 10;
        c.lastTimestamp = uint64(block.timestamp);
        c.stateRoot = keccak256(abi.encode("state", batch));
        c.blockHash = keccak256(abi.encode("block", batch));
        c.withdrawalRoot = keccak256(abi.encode("withdrawals", batch));
        c.messagesEnd = rollup.messageCount();
        c.proverGasEstimate = GAS;
        c.witnessHash = keccak256(abi.encode("witness", batch));
    }

    function commit(Commit memory c) internal {
        vm.prank(operator);
        rollup.commit(c, abi.encodePacked("data of batch ", c.batch));
    }

    function commitNext() internal returns (uint64 batch) {
        commit(nextCommit());
        return rollup.committedBatch();
    }

    /// Lets L1 reach `number` + 1 and stores the beacon of `number`.
    function storeBeacon(uint64 number) internal returns (bytes32 prevrandao) {
        prevrandao = keccak256(abi.encode("prevrandao", number));
        if (block.number <= number) {
            vm.warp(block.timestamp + 12 * (number + 1 - block.number));
            vm.roll(number + 1);
        }
        bytes memory header = headerOf(number, prevrandao);
        vm.setBlockhash(number, keccak256(header));
        rollup.storeBeacon(header);
    }

    /// Posts the snapshot of the next epoch: the three rollers with what they have staked, in full repute.
    function nextEpoch() internal returns (bytes memory leaves) {
        for (uint256 i = 0; i < 3; i++) {
            uint128 stakeWei = registry.rollers(rollers[i]).stakeWei;
            leaves = abi.encodePacked(leaves, rollers[i], stakeWei, uint64(1e9), uint32(2));
        }
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        uint64 epoch = rollup.currentEpoch() + 1;
        vm.prank(operator);
        rollup.postSnapshot(epoch, root, total, leaves);
    }

    function rootOf(bytes calldata leaves) external pure returns (bytes32, uint256) {
        Tree memory t = SnapshotLib.tree(leaves, address(0), 0);
        return (t.root, t.total);
    }

    function proofOf(PublicValues memory pv) internal pure returns (bytes memory) {
        return abi.encodePacked("rollmill.mock.v1", pv.hash());
    }

    /// What a proof of the next batch states, before it is committed.
    function enforcedValues(Commit memory c, bytes memory data, address roller)
        internal
        view
        returns (PublicValues memory pv)
    {
        Batch memory previous = rollup.batches(c.batch - 1);
        Program memory p = rollup.programs(c.programVersion);
        pv.formatVersion = 1;
        pv.programVersion = c.programVersion;
        pv.forkId = p.forkId;
        pv.l1ChainId = uint64(block.chainid);
        pv.rollup = address(rollup);
        pv.l2ChainId = L2_CHAIN_ID;
        pv.roller = roller;
        pv.task = rollup.taskId(c.batch);
        pv.firstBatch = c.batch;
        pv.lastBatch = c.batch;
        pv.previousStateRoot = previous.stateRoot;
        pv.stateRoot = c.stateRoot;
        pv.previousBlockHash = previous.blockHash;
        pv.blockHash = c.blockHash;
        pv.dataCommitment = keccak256(data);
        pv.previousMessageHash = rollup.messageHashAt(previous.messagesEnd);
        pv.messageHash = rollup.messageHashAt(c.messagesEnd);
        pv.withdrawalRoot = c.withdrawalRoot;
        pv.lastBlock = c.lastBlock;
        pv.lastTimestamp = c.lastTimestamp;
        pv.proverGas = GAS;
        pv.scheduleId = p.scheduleId;
    }

    function digestOf(bytes memory proof) internal pure returns (bytes32) {
        bytes32 commitment = bytes32(proof);
        return ProofLib.digest(commitment, bodyHashOf(proof));
    }

    function bodyHashOf(bytes memory proof) internal pure returns (bytes32 hash) {
        uint256 head = proof.length < 32 ? proof.length : 32;
        assembly ("memory-safe") {
            hash := keccak256(add(add(proof, 32), head), sub(mload(proof), head))
        }
    }

    function publicValues(uint64 batch, address roller) internal view returns (PublicValues memory) {
        return rollup.expectedPublicValues(batch, roller, GAS);
    }

    function entriesOf(uint64 batch) internal view returns (Entry[] memory entries) {
        entries = new Entry[](3);
        for (uint256 i = 0; i < 3; i++) {
            bytes memory proof = proofOf(publicValues(batch, rollers[i]));
            entries[i] = Entry(rollers[i], uint32(i + 1), digestOf(proof));
        }
    }

    function postEntries(uint64 batch, Entry[] memory entries) internal {
        storeBeacon(rollup.drawBlock(batch));
        vm.prank(operator);
        rollup.postEntries(batch, entries);
    }

    /// Commits the next batch and brings it to where its winner is known.
    function ready() internal returns (uint64 batch, Entry[] memory entries, address winner) {
        batch = commitNext();
        entries = entriesOf(batch);
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        winner = rollup.winnerOf(batch, entries).roller;
    }

    function settleNext() internal returns (uint64 batch, address winner) {
        Entry[] memory entries;
        (batch, entries, winner) = ready();
        PublicValues memory pv = publicValues(batch, winner);
        rollup.settle(pv, proofOf(pv), entries);
    }

    function submission(uint64 batch, uint256 who, bytes32 publicValuesHash, bytes memory proof)
        internal
        view
        returns (Submission memory)
    {
        return Submission(rollup.taskId(batch), 0, rollers[who], publicValuesHash, digestOf(proof));
    }

    function signed(uint256 key, Submission memory s) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s_) = vm.sign(key, court.submissionDigest(s));
        return abi.encodePacked(r, s_, v);
    }

    /// EIP-712 signature of a struct hash under Rollup's domain.
    function signHash(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s_) = vm.sign(key, ReceiptLib.digest(address(rollup), structHash));
        return abi.encodePacked(r, s_, v);
    }

    // --- what the operator signs

    function sign(AssignmentReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.ASSIGNMENT_TYPEHASH, r)));
    }

    function sign(VerdictReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, r)));
    }

    function sign(SubmissionReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.SUBMISSION_RECEIPT_TYPEHASH, r)));
    }

    function sign(CloseReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.CLOSE_TYPEHASH, r)));
    }

    function sign(PassOverReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.PASS_OVER_TYPEHASH, r)));
    }

    function sign(HeartbeatReceipt memory r) internal view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.HEARTBEAT_TYPEHASH, r)));
    }

    // --- RLP of a header as Prague writes it

    function headerOf(uint64 number, bytes32 prevrandao) internal pure returns (bytes memory) {
        bytes memory payload;
        for (uint256 i = 0; i < 6; i++) {
            // Parent, ommers, beneficiary, state, transactions, receipts.
            payload = abi.encodePacked(
                payload, rlp(i == 2 ? abi.encodePacked(address(0xfee)) : abi.encode(keccak256("root")))
            );
        }
        // Bloom, difficulty, number, gas limit.
        payload =
            abi.encodePacked(payload, rlp(new bytes(256)), rlp(""), rlp(integer(number)), rlp(integer(36_000_000)));
        // Gas used, timestamp, extra data.
        payload = abi.encodePacked(payload, rlp(integer(21_000)), rlp(integer(1_800_000_000)), rlp("rollmill"));
        // Prevrandao, nonce, base fee.
        payload = abi.encodePacked(payload, rlp(abi.encode(prevrandao)), rlp(new bytes(8)), rlp(integer(7)));
        // Withdrawals, blob gas used, excess blob gas.
        payload = abi.encodePacked(payload, rlp(abi.encode(keccak256("withdrawals"))), rlp(""), rlp(""));
        // Beacon root, requests.
        payload =
            abi.encodePacked(payload, rlp(abi.encode(keccak256("beacon"))), rlp(abi.encode(keccak256("requests"))));
        return abi.encodePacked(hex"f9", uint16(payload.length), payload);
    }

    function rlp(bytes memory item) internal pure returns (bytes memory) {
        if (item.length == 1 && uint8(item[0]) < 0x80) return item;
        if (item.length <= 55) return abi.encodePacked(uint8(0x80 + item.length), item);
        return abi.encodePacked(hex"b9", uint16(item.length), item);
    }

    function integer(uint64 value) internal pure returns (bytes memory out) {
        while (value > 0) {
            out = abi.encodePacked(uint8(value & 0xff), out);
            value >>= 8;
        }
    }
}
