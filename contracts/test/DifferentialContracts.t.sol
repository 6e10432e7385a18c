// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Control} from "../src/Control.sol";
import {Emission} from "../src/Emission.sol";
import {Parameters} from "../src/Parameters.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {Dials} from "../src/interfaces/IControl.sol";
import {EmissionParams} from "../src/interfaces/IEmission.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Roller} from "../src/interfaces/IRollerRegistry.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {DrawCases} from "./DrawCases.sol";

/// Rules that are more than a formula, asked of the contracts themselves on 10,000 random cases each, against the running hashes that Rust
/// wrote (`crates/protocol/tests/board/vectors/differential/contracts.rs`). This test is all contracts around them.
contract DifferentialContractsTest is DrawCases {
    address public immutable operator = address(this);
    uint64 public currentEpoch;

    Contracts private around;
    Control private control;
    Parameters private table;
    uint256 private emissionGasMax;

    function setUp() public {
        around.token = address(this);
        around.parameters = address(this);
        around.registry = address(this);
        around.rollup = address(this);
        control = new Control(around, Dials(1000, 1000, 100, 3), "law");
        table = new Parameters(address(this), initial());
    }

    function file() internal pure override returns (string memory) {
        return "../crates/protocol/vectors/differential.json";
    }

    // --- what the contracts ask

    function value(Key key) external view returns (uint256) {
        if (key == Key.EmissionGasMax) return emissionGasMax;
        return key == Key.UnitPriceMinWei ? 1 : 1e18;
    }

    function rollers(address) external pure returns (Roller memory r) {}

    function payoutOf(address roller) external pure returns (address) {
        return roller;
    }

    function balanceOf(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return true;
    }

    // --- the rules

    function test_dials() public {
        run("dials", this.dials);
    }

    function test_dialsInForce() public {
        run("dialsInForce", this.dialsInForce);
    }

    function test_pieces() public {
        run("pieces", this.pieces);
    }

    function test_parameters() public {
        run("parameters", this.parameters);
    }

    function test_emission() public {
        run("emission", this.emission);
    }

    /// Can Control be deployed with these dials, and do they follow on the others?
    function dials(Case calldata c) external returns (bytes memory) {
        (Dials memory from, Dials memory to) = step(c);
        bool possible = false;
        try new Control(around, to, "law") {
            possible = true;
        } catch {}
        bool follows = false;
        Control other = new Control(around, from, "law");
        try other.post(1, to, 0) {
            follows = true;
        } catch {}
        return abi.encode(possible, follows);
    }

    /// One Control, whose operator posts dials or a snapshot in each case, or both, or nothing: does it take the dials, and which are in
    /// force?
    function dialsInForce(Case calldata c) external returns (bytes memory) {
        bool taken = false;
        if (uint64(word(c, 0)) % 2 == 0) {
            uint64 small = uint64(word(c, 2)) % 100;
            Dials memory next = Dials(1000 + small, 1099 - small, 100 + uint32(small / 10), 3 + uint32(small % 2));
            try control.post(currentEpoch + 1, next, 0) {
                taken = true;
            } catch {}
        }
        if (uint64(word(c, 1)) % 2 == 0) currentEpoch++;
        return abi.encode(taken, control.current());
    }

    /// A snapshot of up to twelve leaves in pieces of one to eight.
    function pieces(Case calldata c) external returns (bytes memory) {
        bytes memory leaves = leavesOf(c, 1 + uint64(word(c, 0)) % 12);
        uint256 size = SnapshotLib.LEAF_BYTES << (uint64(word(c, 1)) % 4);
        // The first drops those of the former case.
        control.postPiece(1, 0, "");
        uint256 posted = 0;
        while (leaves.length > (posted + 1) * size) {
            control.postPiece(1, posted, this.slice(leaves, posted * size, (posted + 1) * size));
            posted++;
        }
        bytes memory last = this.slice(leaves, posted * size, leaves.length);
        (bytes32 root, uint256 total, uint256 stakes) = control.wholeSnapshot(1, last);
        return abi.encode(root, total, stakes, control.pieceCount(1));
    }

    function slice(bytes calldata packed, uint256 from, uint256 to) external pure returns (bytes memory) {
        return packed[from:to];
    }

    /// One table, of which a number is announced in each case: what is in force of those that the law takes from it, and between which
    /// prices the law keeps.
    function parameters(Case calldata c) external returns (bytes memory) {
        vm.warp(block.timestamp + pause(c));
        Key key = lawKeys()[uint64(word(c, 2)) % 5];
        (uint256 least, uint256 most) = table.bounds(key);
        table.announce(key, uint96(least + word(c, 3) % (most - least + 1)));
        (uint256 low, uint256 high) = prices();
        return abi.encode(table.value(Key.AccuseS), table.value(Key.HeartbeatS), table.value(Key.FineMinWei), low, high);
    }

    /// Two rollers worked in an epoch: its pot, and the share of the first.
    function emission(Case calldata c) external returns (bytes memory) {
        emissionGasMax = 1 + (uint64(word(c, 6)) >> (1 + uint64(word(c, 7)) % 60));
        uint64 halvingEpochs = 1 + uint64(word(c, 1)) % 2_000;
        Emission pots = new Emission(around, EmissionParams(1, halvingEpochs, uint128(bits(c, 0, 96))));
        uint64 epoch = uint64(word(c, 2)) % 300_000;
        vm.warp(pots.startS() + epoch);
        pots.record(account(c, 3), 1 + (uint64(word(c, 4)) >> 1));
        pots.record(address(0), uint64(word(c, 5)) >> 1);
        vm.warp(pots.startS() + epoch + 1);
        return abi.encode(pots.potWei(epoch), pots.claim(epoch, account(c, 3)));
    }

    // --- dials

    /// Dials of any size, and the same with one of them at the edge of a step or of its range.
    function step(Case memory c) private pure returns (Dials memory from, Dials memory to) {
        uint256 size = uint64(word(c, 7));
        from.unitPriceWei = uint128(1 + (bits(c, 1, 59) >> (size % 60)));
        from.tauNsPerGas = uint64((uint64(word(c, 2)) % 1_000_000_001) >> (size % 31));
        from.window = uint32(1 + ((uint32(word(c, 3)) % 65_536) >> (size % 17)));
        from.k = 1 + uint32(word(c, 4)) % 16;
        to = Dials(from.unitPriceWei, from.tauNsPerGas, from.window, from.k);
        uint256 which = uint64(word(c, 0)) % 4;
        if (which == 0) to.unitPriceWei = uint128(edge(c, from.unitPriceWei));
        if (which == 1) to.tauNsPerGas = uint64(edge(c, from.tauNsPerGas));
        if (which == 2) to.window = uint32(edge(c, from.window));
        if (which == 3) to.k = uint32(less(from.k + uint32(word(c, 5)) % 6, 3));
    }

    /// A value at the end of a step, or just beyond it, or within.
    function edge(Case memory c, uint256 from) private pure returns (uint256) {
        uint256 most = from / 8 == 0 ? 1 : from / 8;
        uint256 pick = uint64(word(c, 5)) % 6;
        if (pick == 0) return from + most;
        if (pick == 1) return from + most + 1;
        if (pick == 2) return less(from, most);
        if (pick == 3) return less(from, most + 1);
        if (pick == 4) return from;
        return less(from, most) + uint64(word(c, 6)) % (2 * most + 2);
    }

    function less(uint256 from, uint256 by) private pure returns (uint256) {
        return from < by ? 0 : from - by;
    }

    // --- parameters

    /// What the law takes from the table.
    function lawKeys() private pure returns (Key[5] memory) {
        return [Key.AccuseS, Key.HeartbeatS, Key.FineMinWei, Key.UnitPriceMinWei, Key.UnitPriceMaxWei];
    }

    /// The least that can be announced of each.
    function initial() private pure returns (uint96[] memory v) {
        v = new uint96[](uint256(type(Key).max) + 1);
        for (uint256 i = 0; i < v.length; i++) {
            v[i] = 1;
        }
        v[uint256(Key.ClaimS)] = 10 minutes;
        v[uint256(Key.AccuseS)] = 10 minutes;
        v[uint256(Key.DefendS)] = 6 hours;
        v[uint256(Key.RebuttalBondWei)] = 1 ether;
        v[uint256(Key.BeaconCapWei)] = 1 ether;
        v[uint256(Key.QuarantineRollersMin)] = 2;
    }

    /// Around the delay of an announcement, or none, or up to eight days.
    function pause(Case memory c) private pure returns (uint256) {
        uint256 pick = uint64(word(c, 0)) % 8;
        if (pick < 3) return 7 days - 1 + pick;
        if (pick == 3) return 0;
        return uint64(word(c, 1)) % 8 days;
    }

    /// The bounds in force, and those announced where both can be kept.
    function prices() private view returns (uint256 low, uint256 high) {
        (uint256 leastInForce, uint256 mostInForce) =
            (table.value(Key.UnitPriceMinWei), table.value(Key.UnitPriceMaxWei));
        // slither-disable-next-line unused-return
        (uint256 leastNext,) = table.announced(Key.UnitPriceMinWei);
        // slither-disable-next-line unused-return
        (uint256 mostNext,) = table.announced(Key.UnitPriceMaxWei);
        (low, high) = (Math.max(leastInForce, leastNext), Math.min(mostInForce, mostNext));
        if (low > high) (low, high) = (leastInForce, Math.max(mostInForce, leastInForce));
    }
}
