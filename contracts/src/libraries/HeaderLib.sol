// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Number and prevrandao of an RLP-encoded block header.
/// @dev The caller compares the hash of the header with that of the numbered block. So the header is canonical RLP
/// whenever the result matters, and this reader only has to find the fields and to stay within bounds.
library HeaderLib {
    /// @dev Positions of the fields in a header, since Frontier.
    uint256 private constant NUMBER = 8;
    uint256 private constant PREVRANDAO = 13;

    error BadHeader();

    /// @notice Reads a header; reverts if it ends too early or a field has an impossible form.
    function read(bytes calldata header) internal pure returns (uint64 number, bytes32 prevrandao) {
        require(header.length > 1 && uint8(header[0]) > 0xf7, BadHeader());
        uint256 start = 1 + uint8(header[0]) - 0xf7;
        for (uint256 field = 0; field <= PREVRANDAO; field++) {
            uint256 length;
            (start, length) = _string(header, start);
            require(start + length <= header.length, BadHeader());
            if (field == NUMBER) {
                require(length <= 8, BadHeader());
                number = uint64(_word(header, start, length));
            }
            if (field == PREVRANDAO) {
                require(length == 32, BadHeader());
                prevrandao = bytes32(_word(header, start, length));
            }
            start += length;
        }
    }

    /// @dev Where the content of the string item at `start` begins, and its length; a header holds no inner lists.
    function _string(bytes calldata header, uint256 start) private pure returns (uint256, uint256) {
        require(start < header.length, BadHeader());
        uint256 prefix = uint8(header[start]);
        require(prefix <= 0xb9, BadHeader());
        if (prefix < 0x80) return (start, 1);
        if (prefix <= 0xb7) return (start + 1, prefix - 0x80);
        uint256 lengthBytes = prefix - 0xb7;
        require(start + 1 + lengthBytes <= header.length, BadHeader());
        return (start + 1 + lengthBytes, _word(header, start + 1, lengthBytes));
    }

    /// @dev The big-endian integer in `length` <= 32 bytes.
    function _word(bytes calldata header, uint256 start, uint256 length) private pure returns (uint256 word) {
        if (length == 0) return 0;
        assembly ("memory-safe") {
            word := shr(sub(256, mul(length, 8)), calldataload(add(header.offset, start)))
        }
    }
}
