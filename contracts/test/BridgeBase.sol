// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TokenBridge} from "../src/bridge/TokenBridge.sol";
import {IRollup, Withdrawal} from "../src/interfaces/IRollup.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {BridgedToken} from "../src/l2/BridgedToken.sol";
import {L2TokenBridge} from "../src/l2/L2TokenBridge.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {Vm} from "./Vm.sol";
import {WithdrawalBase} from "./WithdrawalBase.sol";

/// @notice Both sides of the bridge in one machine. What L1 queues is taken from its events and executed here as L2 does.
abstract contract BridgeBase is WithdrawalBase {
    /// A message as L2 executes it.
    struct Queued {
        address sender;
        address to;
        uint256 value;
        uint64 gasLimit;
        bytes data;
    }

    uint256 private constant MESSAGE_GAS = 21_000;
    uint256 private constant GAS_PER_BYTE = 40;

    TokenBridge internal bridge;
    L2TokenBridge internal l2Bridge;

    function setUp() public virtual override {
        super.setUp();
        bridge = TokenBridge(vm.computeCreateAddress(address(rollup), 2));
        l2Bridge = L2TokenBridge(Predeploys.L2_TOKEN_BRIDGE);
        // As L2 genesis writes them.
        vm.etch(address(l2Bridge), type(L2TokenBridge).runtimeCode);
        vm.store(address(l2Bridge), 0, bytes32(uint256(uint160(address(bridge)))));
        vm.etch(Predeploys.BRIDGED_TOKEN, type(BridgedToken).runtimeCode);
    }

    /// Deposits from an account that has approved the bridge; returns the message for L2.
    function deposit(address from, address token, address to, uint256 amount) internal returns (Queued memory) {
        uint256 feeWei = bridge.depositFeeWei();
        vm.deal(from, feeWei);
        vm.recordLogs();
        vm.prank(from);
        bridge.deposit{value: feeWei}(token, to, amount);
        return lastQueued();
    }

    /// The newest message in the recorded logs.
    function lastQueued() internal returns (Queued memory q) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IRollup.MessageSent.selector) continue;
            q.sender = address(uint160(uint256(logs[i].topics[2])));
            q.to = address(uint160(uint256(logs[i].topics[3])));
            (, q.value, q.gasLimit, q.data,) = abi.decode(logs[i].data, (uint256, uint256, uint64, bytes, bytes32));
        }
        vm.assertTrue(q.to != address(0));
    }

    /// Executes a message on L2 with the gas that was bought.
    function execute(Queued memory q) internal returns (bool done) {
        return executeWith(q, q.gasLimit - MESSAGE_GAS - GAS_PER_BYTE * q.data.length);
    }

    function executeWith(Queued memory q, uint256 gas_) internal returns (bool done) {
        vm.assertEq(q.value, 0);
        vm.prank(q.sender);
        (done,) = q.to.call{gas: gas_}(q.data);
    }

    function twinOf(address token) internal view returns (BridgedToken) {
        return BridgedToken(l2Bridge.tokenOf(token));
    }

    /// Burns on L2 and notes the withdrawal.
    function withdraw(address from, address token, address to, uint256 amount) internal returns (uint64 index) {
        vm.prank(from);
        index = uint64(l2Bridge.withdraw(token, to, amount));
        noteTokens(index, token, to, amount);
    }

    /// Notes what the bridge on L2 has sent.
    function noteTokens(uint64 index, address token, address to, uint256 amount) internal {
        bytes memory data = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (token, to, amount));
        note(Withdrawal(index, address(l2Bridge), address(bridge), 0, data));
    }
}
