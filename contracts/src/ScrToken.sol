// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";

/// @notice Constructor arguments of ScrToken.
struct ScrTokenParams {
    /// Hard cap of the supply, SCR-wei.
    uint256 capWei;
    /// Receives the genesis supply.
    address recipient;
    /// Genesis supply, SCR-wei.
    uint256 amountWei;
    /// Emission contract; receives all that will ever be emitted.
    address emission;
    /// That amount, SCR-wei.
    uint256 emissionWei;
}

/// @notice SCR: stake and reward of the rollers. What the constructor mints is all there is; nobody can mint later.
contract ScrToken is ERC20Capped, ERC20Burnable {
    constructor(ScrTokenParams memory p) ERC20("rollmill", "SCR") ERC20Capped(p.capWei) {
        _mint(p.recipient, p.amountWei);
        _mint(p.emission, p.emissionWei);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Capped) {
        super._update(from, to, value);
    }
}
