// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Deposit, IL2TokenBridge} from "../interfaces/IL2TokenBridge.sol";
import {ITokenBridge} from "../interfaces/ITokenBridge.sol";
import {IWithdrawalQueue} from "../interfaces/IWithdrawalQueue.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {BridgedToken} from "./BridgedToken.sol";

/// @notice See IL2TokenBridge.
/// @dev Has no constructor: genesis writes the code and storage slot 0.
contract L2TokenBridge is IL2TokenBridge {
    // Genesis writes it into slot 0; nothing changes it afterwards.
    // slither-disable-next-line uninitialized-state
    address public l1Bridge;
    mapping(uint64 id => bool) public depositExecuted;

    /// @inheritdoc IL2TokenBridge
    function finalizeDeposit(Deposit calldata d) external {
        require(msg.sender == MessageLib.aliased(l1Bridge), NotL1Bridge(msg.sender));
        require(!depositExecuted[d.id], AlreadyExecuted(d.id));
        depositExecuted[d.id] = true;
        BridgedToken token = BridgedToken(tokenOf(d.l1Token));
        emit DepositFinalized(d.id, d.l1Token, d.to, address(token), d.amount);
        if (address(token).code.length == 0) {
            emit TokenCreated(d.l1Token, address(token), d.name, d.symbol, d.decimals);
            // At the address that was computed, or it reverts.
            // slither-disable-next-line unused-return
            Clones.cloneDeterministic(Predeploys.BRIDGED_TOKEN, _salt(d.l1Token));
            token.initialize(d.l1Token, d.name, d.symbol, d.decimals);
        }
        token.mint(d.to, d.amount);
    }

    /// @inheritdoc IL2TokenBridge
    function withdraw(address l1Token, address to, uint256 amount) external returns (uint256 index) {
        require(to != address(0), ZeroRecipient());
        require(amount != 0, ZeroAmount());
        address token = tokenOf(l1Token);
        require(token.code.length != 0, UnknownToken(l1Token));
        BridgedToken(token).burn(msg.sender, amount);
        bytes memory data = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (l1Token, to, amount));
        index = IWithdrawalQueue(Predeploys.WITHDRAWAL_QUEUE).sendMessage(l1Bridge, data);
        emit WithdrawalInitiated(l1Token, msg.sender, to, token, amount, index);
    }

    /// @inheritdoc IL2TokenBridge
    function tokenOf(address l1Token) public view returns (address) {
        return Clones.predictDeterministicAddress(Predeploys.BRIDGED_TOKEN, _salt(l1Token));
    }

    function _salt(address l1Token) private pure returns (bytes32) {
        return bytes32(uint256(uint160(l1Token)));
    }
}
