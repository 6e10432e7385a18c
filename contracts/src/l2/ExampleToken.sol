// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A plain ERC-20 of a user, deployed on L2 by the devnet's scripted round.
contract ExampleToken is ERC20 {
    /// @param supplyWei Minted to the deployer.
    constructor(uint256 supplyWei) ERC20("Example", "EXM") {
        _mint(msg.sender, supplyWei);
    }
}
