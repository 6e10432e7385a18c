// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

contract Counter {
    event Counted(address indexed by, uint256 count);

    uint256 public count;

    function increment() external {
        count += 1;
        emit Counted(msg.sender, count);
    }
}
