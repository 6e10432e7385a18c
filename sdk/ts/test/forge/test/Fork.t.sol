// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Counter} from "../src/Counter.sol";

/// @notice Runs on a fork: the state of accounts and code must be the chain's.
contract ForkTest {
    bool public constant IS_TEST = true;
    /// @dev The history contract (EIP-2935) has code on every chain from Prague on.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    function test_the_fork_has_the_chains_state() external {
        require(HISTORY.code.length > 0, "code");
        // Account 8 of the test mnemonic has money on both layers.
        require(0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f.balance > 0, "balance");
        Counter counter = new Counter();
        counter.increment();
        require(counter.count() == 1, "count");
    }
}
