// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @notice What a token says about itself, bounded, and never a reason to fail: whatever it answers, or does not.
library TokenMetadata {
    /// @dev A caller cannot make a question run out of gas to hide the answer: what is left then, a 64th, does not pay for
    /// the message that follows.
    uint256 private constant GAS_MAX = 100_000;
    /// @dev Two words of ABI, and 64 bytes of text.
    uint256 private constant ANSWER_BYTES_MAX = 128;
    uint8 private constant DECIMALS_DEFAULT = 18;

    /// @notice Name, at most 64 bytes of it; empty if there is none.
    function name(address token) internal view returns (string memory) {
        return _text(_ask(token, IERC20Metadata.name.selector));
    }

    /// @notice Symbol, at most 64 bytes of it; empty if there is none.
    function symbol(address token) internal view returns (string memory) {
        return _text(_ask(token, IERC20Metadata.symbol.selector));
    }

    /// @notice Decimals; 18 if the token does not say, or no number below 256.
    function decimals(address token) internal view returns (uint8) {
        bytes memory answer = _ask(token, IERC20Metadata.decimals.selector);
        if (answer.length < 32) return DECIMALS_DEFAULT;
        uint256 number = abi.decode(answer, (uint256));
        return number <= type(uint8).max ? uint8(number) : DECIMALS_DEFAULT;
    }

    /// @dev A `string`, or a `bytes32` as old tokens have it, up to its first zero byte.
    function _text(bytes memory answer) private pure returns (string memory) {
        if (answer.length == 32) {
            uint256 end = 0;
            while (end < 32 && answer[end] != 0) end++;
            return string(_slice(answer, 0, end));
        }
        if (answer.length < 64) return "";
        (uint256 offset, uint256 length) = abi.decode(answer, (uint256, uint256));
        if (offset != 32) return "";
        uint256 given = answer.length - 64;
        return string(_slice(answer, 64, length < given ? length : given));
    }

    function _slice(bytes memory from, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 32), add(add(from, 32), start), length)
        }
    }

    /// @dev The first bytes of the answer; none if the call failed.
    function _ask(address token, bytes4 selector) private view returns (bytes memory answer) {
        answer = new bytes(ANSWER_BYTES_MAX);
        assembly ("memory-safe") {
            mstore(0, selector)
            let done := staticcall(GAS_MAX, token, 0, 4, add(answer, 32), ANSWER_BYTES_MAX)
            let size := returndatasize()
            if gt(size, ANSWER_BYTES_MAX) { size := ANSWER_BYTES_MAX }
            mstore(answer, mul(done, size))
        }
    }
}
