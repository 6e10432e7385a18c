// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Entry} from "../src/interfaces/IRollup.sol";
import {Claim} from "../src/interfaces/ISettlement.sol";
import {Contribution} from "../src/libraries/AggregateLib.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {AggregateBase} from "./AggregateBase.sol";

/// Accepts what it is given, and costs nothing: what it leaves is the price of all but the verification.
contract FreeVerifier is IProofVerifier {
    function verify(bytes32, bytes32, bytes32, bytes calldata) external pure returns (bool) {
        return true;
    }

    function total() external pure returns (bool) {
        return true;
    }
}

/// What it costs on L1 to settle many batches by one proof, as a transaction, beside the verification; with proofs of the size of an
/// EVM proof. Written to snapshots/Settlement.json.
/// forge-config: default.isolate = true
contract GasSettlementTest is AggregateBase {
    /// @dev For 32 batches; with a Halo2 verification of 330,000 that is 530,000.
    uint256 private constant BESIDE_VERIFICATION_MAX = 200_000;
    uint256 private constant EACH_FURTHER_MAX = 15_000;
    uint256 private constant EVM_PROOF_BYTES = 1_376;

    mapping(uint64 batch => Entry[]) private entries;

    function verifier() internal override returns (address) {
        return address(new FreeVerifier());
    }

    function test_settleMany() public {
        uint256 one = settled(1, "settleMany, 1 batch");
        uint256 eight = settled(8, "settleMany, 8 batches");
        uint256 all = settled(32, "settleMany, 32 batches");
        vm.assertTrue(all < BESIDE_VERIFICATION_MAX);
        vm.assertTrue((eight - one) / 7 < EACH_FURTHER_MAX);
        vm.assertTrue((all - one) / 31 < EACH_FURTHER_MAX);
    }

    function test_resolve() public {
        Contribution[] memory c = enterMany(8);
        vm.prank(operator);
        settlement.settleMany(1, 1, 8, c, new bytes(EVM_PROOF_BYTES));
        Claim[] memory claims = new Claim[](1);
        claims[0] = claim(1);
        settlement.resolve(8, c, claims);
        vm.snapshotGasLastCall("Settlement", "resolve, 1 of 8");
        claims = new Claim[](7);
        for (uint64 i = 0; i < 7; i++) {
            claims[i] = claim(i + 2);
        }
        settlement.resolve(8, c, claims);
        vm.snapshotGasLastCall("Settlement", "resolve, 7 of 8");
    }

    /// The settlement of one batch by its own proof, beside the verification.
    function test_settle() public {
        enterMany(1);
        uint64 batch = rollup.committedBatch();
        PublicValues memory pv = publicValues(batch, rollup.winnerOf(batch, entries[batch]).roller);
        rollup.settle(pv, proofOf(pv), entries[batch]);
        vm.snapshotGasLastCall("Settlement", "settle, a batch by its own proof");
    }

    function settled(uint64 count, string memory name) private returns (uint256) {
        // The first writes to slots that every later one finds written.
        Contribution[] memory before = enterMany(1);
        uint64 first = rollup.committedBatch();
        bytes memory proof = evmProof();
        vm.prank(operator);
        settlement.settleMany(1, first, first, before, proof);
        Contribution[] memory c = enterMany(count);
        vm.prank(operator);
        settlement.settleMany(1, first + 1, first + count, c, proof);
        return vm.snapshotGasLastCall("Settlement", name);
    }

    function claim(uint64 batch) private view returns (Claim memory) {
        return claimOf(batch, rollup.winnerOf(batch, entries[batch]).roller, entries[batch]);
    }

    function evmProof() private pure returns (bytes memory proof) {
        proof = new bytes(EVM_PROOF_BYTES);
        for (uint256 i = 0; i < EVM_PROOF_BYTES; i += 32) {
            bytes32 random = keccak256(abi.encode(i)) | bytes32(type(uint256).max / 255);
            assembly ("memory-safe") {
                mstore(add(add(proof, 32), i), random)
            }
        }
    }

    function enterMany(uint64 count) private returns (Contribution[] memory c) {
        c = new Contribution[](count);
        for (uint64 i = 0; i < count; i++) {
            (uint64 batch, Entry[] memory es, address winner) = ready();
            for (uint256 j = 0; j < es.length; j++) {
                entries[batch].push(es[j]);
            }
            c[i] = contribution(batch, winner);
        }
    }
}
