// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MockVerifier} from "../src/verifiers/MockVerifier.sol";
import {StarkPrecompileVerifier} from "../src/verifiers/StarkPrecompileVerifier.sol";
import {Vm} from "./Vm.sol";

/// Stands in for the precompile: accepts one input, rejects others, and misbehaves on demand.
contract Precompile {
    bytes32 public accepted;
    uint256 public fault;

    function set(bytes32 accepted_, uint256 fault_) external {
        accepted = accepted_;
        fault = fault_;
    }

    fallback(bytes calldata input) external returns (bytes memory) {
        if (fault == 1) revert("fault");
        if (fault == 2) return "";
        if (fault == 3) return abi.encode(uint256(2));
        if (fault == 4) return abi.encode(uint256(1), uint256(1));
        if (fault == 5) return hex"01";
        return abi.encode(keccak256(input) == accepted ? 1 : 0);
    }
}

contract VerifiersTest {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    address private constant PRECOMPILE = 0x0000000000000000000000000000000000524D10;
    bytes32 private constant HASH = keccak256("public values");

    function test_mockAcceptsItsProofsOnly() public {
        MockVerifier mock = new MockVerifier();
        vm.assertTrue(mock.verify(0, 0, HASH, abi.encodePacked("rollmill.mock.v1", HASH)));
        vm.assertFalse(mock.verify(0, 0, HASH, abi.encodePacked("rollmill.mock.v1", keccak256("other"))));
        vm.assertFalse(mock.verify(0, 0, HASH, abi.encodePacked("rollmill.mock.v1", HASH, hex"00")));
        vm.assertFalse(mock.verify(0, 0, HASH, abi.encodePacked("rollmill.mock.v2", HASH)));
        vm.assertFalse(mock.verify(0, 0, HASH, ""));
    }

    function testFuzz_mockExistsOnDevnetsOnly(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != 31337 && chainId != 1337001);
        vm.chainId(chainId);
        vm.expectPartialRevert(MockVerifier.NotADevnet.selector);
        new MockVerifier();
        vm.chainId(1337001);
        new MockVerifier();
    }

    function testFuzz_precompileVerifierExistsOnTheEmbeddedL1Only(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != 1337001);
        vm.chainId(chainId);
        vm.expectPartialRevert(StarkPrecompileVerifier.NotTheEmbeddedL1.selector);
        new StarkPrecompileVerifier();
    }

    function test_precompileVerifierPassesTheInputAndTheVerdict() public {
        StarkPrecompileVerifier verifier = deploy(0);
        bytes memory proof = "some proof";
        vm.assertTrue(verifier.verify(bytes32(uint256(1)), bytes32(uint256(2)), HASH, proof));
        vm.assertFalse(verifier.verify(bytes32(uint256(2)), bytes32(uint256(2)), HASH, proof));
        vm.assertFalse(verifier.verify(bytes32(uint256(1)), bytes32(uint256(3)), HASH, proof));
        vm.assertFalse(verifier.verify(bytes32(uint256(1)), bytes32(uint256(2)), keccak256("other"), proof));
        vm.assertFalse(verifier.verify(bytes32(uint256(1)), bytes32(uint256(2)), HASH, "some prooF"));
    }

    /// SOUNDNESS: no answer is no verdict.
    function test_precompileVerifierRevertsWithoutAClearAnswer() public {
        for (uint256 fault = 1; fault <= 5; fault++) {
            StarkPrecompileVerifier verifier = deploy(fault);
            vm.expectPartialRevert(StarkPrecompileVerifier.PrecompileFailed.selector);
            verifier.verify(bytes32(uint256(1)), bytes32(uint256(2)), HASH, "some proof");
        }
        vm.etch(PRECOMPILE, "");
        StarkPrecompileVerifier alone = new StarkPrecompileVerifier();
        vm.expectPartialRevert(StarkPrecompileVerifier.PrecompileFailed.selector);
        alone.verify(bytes32(uint256(1)), bytes32(uint256(2)), HASH, "some proof");
    }

    function deploy(uint256 fault) private returns (StarkPrecompileVerifier) {
        vm.chainId(1337001);
        vm.etch(PRECOMPILE, type(Precompile).runtimeCode);
        bytes memory input = abi.encodePacked(uint256(1), uint256(2), HASH, "some proof");
        Precompile(PRECOMPILE).set(keccak256(input), fault);
        return new StarkPrecompileVerifier();
    }
}
