// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Deposit, IL2TokenBridge} from "../interfaces/IL2TokenBridge.sol";
import {IMessenger} from "../interfaces/IMessenger.sol";
import {IRollup} from "../interfaces/IRollup.sol";
import {ITokenBridge} from "../interfaces/ITokenBridge.sol";
import {Predeploys} from "../libraries/Predeploys.sol";
import {TokenMetadata} from "../libraries/TokenMetadata.sol";

/// @notice See ITokenBridge.
/// @dev INVARIANT: for each token, lockedOf = supply on L2 + deposits not yet executed + withdrawals not yet finalised; and the
/// bridge holds that much, unless the token takes it away.
contract TokenBridge is ITokenBridge, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev Gas of a deposit on L2: about half of it is used when the token is new there. Nothing in that call depends on
    /// the token's behaviour, and the length of what it says about itself is bounded, so it is enough for every token.
    uint64 public constant DEPOSIT_GAS = 600_000;

    IRollup public immutable rollup;
    IMessenger public immutable messenger;

    uint64 public depositCount;
    mapping(address token => uint256) public lockedOf;
    /// @dev Hash of what was deposited, so that it can be said again.
    mapping(uint64 id => bytes32) private _deposits;

    constructor(IRollup rollup_, IMessenger messenger_) {
        rollup = rollup_;
        messenger = messenger_;
    }

    /// @inheritdoc ITokenBridge
    function deposit(address token, address to, uint256 amount) external payable nonReentrant returns (uint64 id) {
        require(to != address(0), ZeroRecipient());
        require(amount != 0, ZeroAmount());
        id = depositCount++;
        _deposits[id] = _hash(token, to, amount);
        lockedOf[token] += amount;
        emit DepositInitiated(id, token, msg.sender, to, amount);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        // Tokens that take a fee or give more are refused: what was received is exactly what L2 will make.
        // slither-disable-next-line incorrect-equality
        require(received == amount, WrongAmountReceived(token, received, amount));
        _send(id, token, to, amount, DEPOSIT_GAS);
    }

    /// @inheritdoc ITokenBridge
    function retryDeposit(uint64 id, address token, address to, uint256 amount, uint64 gasLimit) external payable {
        require(_deposits[id] == _hash(token, to, amount), UnknownDeposit(id));
        emit DepositRetried(id);
        _send(id, token, to, amount, gasLimit);
    }

    /// @inheritdoc ITokenBridge
    function finalizeWithdrawal(address token, address to, uint256 amount) external nonReentrant {
        // SOUNDNESS: anybody can have the messenger call this; only the sender on L2 tells the bridge from a thief.
        require(
            msg.sender == address(messenger) && messenger.l2Sender() == Predeploys.L2_TOKEN_BRIDGE,
            NotL2Bridge(msg.sender)
        );
        // Never more than came in, whatever L2 says; and no token can be paid with another.
        lockedOf[token] -= amount;
        emit WithdrawalFinalized(token, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc ITokenBridge
    function depositFeeWei() external view returns (uint256) {
        return messageFeeWei(DEPOSIT_GAS);
    }

    /// @inheritdoc ITokenBridge
    function messageFeeWei(uint64 gasLimit) public view returns (uint256) {
        return uint256(gasLimit) * rollup.messageGasPriceWei();
    }

    /// @dev Exactly the fee: what is more would arrive on L2 with a call that takes none, and fail it.
    function _send(uint64 id, address token, address to, uint256 amount, uint64 gasLimit) private {
        uint256 feeWei = messageFeeWei(gasLimit);
        require(msg.value == feeWei, WrongFee(msg.value, feeWei));
        Deposit memory d = Deposit({
            id: id,
            l1Token: token,
            to: to,
            amount: amount,
            name: TokenMetadata.name(token),
            symbol: TokenMetadata.symbol(token),
            decimals: TokenMetadata.decimals(token)
        });
        bytes memory data = abi.encodeCall(IL2TokenBridge.finalizeDeposit, (d));
        // The message's number is in its event; the deposit has one of its own.
        // slither-disable-next-line unused-return
        rollup.sendMessage{value: feeWei}(Predeploys.L2_TOKEN_BRIDGE, gasLimit, data);
    }

    function _hash(address token, address to, uint256 amount) private pure returns (bytes32) {
        return keccak256(abi.encode(token, to, amount));
    }
}
