// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Predeploys} from "../libraries/Predeploys.sol";

/// @notice Twin on L2 of an ERC-20 token on L1. All twins are clones of the predeploy at 0x…524d04; L2TokenBridge creates, mints and
/// burns them.
/// @dev What ERC20's constructor would write is nowhere in a clone, so the texts are kept here.
contract BridgedToken is ERC20 {
    error NotBridge(address caller);

    address public l1Token;
    uint8 private _places;
    string private _title;
    string private _ticker;

    modifier onlyBridge() {
        require(msg.sender == Predeploys.L2_TOKEN_BRIDGE, NotBridge(msg.sender));
        _;
    }

    constructor() ERC20("", "") {}

    /// @notice Names a new clone; the bridge does it once, where it creates it.
    function initialize(address l1Token_, string calldata name_, string calldata symbol_, uint8 decimals_)
        external
        onlyBridge
    {
        l1Token = l1Token_;
        _places = decimals_;
        _title = name_;
        _ticker = symbol_;
    }

    /// @notice Mints what was deposited on L1; only the bridge.
    function mint(address to, uint256 amount) external onlyBridge {
        _mint(to, amount);
    }

    /// @notice Burns what `from` withdraws; only the bridge, which lets nobody but `from` ask for it.
    function burn(address from, uint256 amount) external onlyBridge {
        _burn(from, amount);
    }

    function name() public view override returns (string memory) {
        return _title;
    }

    function symbol() public view override returns (string memory) {
        return _ticker;
    }

    function decimals() public view override returns (uint8) {
        return _places;
    }
}
