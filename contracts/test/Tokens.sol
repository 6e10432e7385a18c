// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ordinary token with chosen texts.
contract TextToken is ERC20 {
    uint8 private immutable places;

    constructor(string memory name_, string memory symbol_, uint8 places_, uint256 supply) ERC20(name_, symbol_) {
        places = places_;
        _mint(msg.sender, supply);
    }

    function decimals() public view override returns (uint8) {
        return places;
    }
}

/// Keeps a hundredth of each transfer.
contract TaxedToken is ERC20 {
    constructor() ERC20("Taxed", "TAX") {
        _mint(msg.sender, 1000 ether);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0xfee), value / 100);
    }
}

/// Can be frozen, and calls somebody back before it moves anything.
contract HookToken is ERC20 {
    bool public isFrozen;
    address private target;
    bytes private call_;
    bytes public refusal;

    constructor() ERC20("Hook", "HOOK") {
        _mint(msg.sender, 1000 ether);
    }

    function freeze(bool isFrozen_) external {
        isFrozen = isFrozen_;
    }

    function prepare(address target_, bytes calldata c) external {
        (target, call_) = (target_, c);
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!isFrozen, "frozen");
        if (call_.length != 0) {
            bytes memory c = call_;
            delete call_;
            (bool done, bytes memory reason) = target.call(c);
            if (!done) refusal = reason;
        }
        super._update(from, to, value);
    }
}

/// As tokens were before there was a standard: nothing is returned, texts are words, decimals are any number.
contract OldToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    bytes32 public constant name = "An old token";
    bytes32 public constant symbol = "OLD";
    uint256 public constant decimals = 300;

    constructor() {
        balanceOf[msg.sender] = 1000 ether;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// Answers about itself with whatever hurts: nothing, too much, all gas.
contract HostileToken is ERC20 {
    uint256 private immutable kind;

    constructor(uint256 kind_) ERC20("", "") {
        kind = kind_;
        _mint(msg.sender, 1000 ether);
    }

    function name() public view override returns (string memory text) {
        if (kind == 0) revert("no name");
        if (kind == 1) return string(new bytes(20_000));
        if (kind == 2) while (true) {}
        if (kind == 3) {
            // An offset and a length that lead nowhere.
            assembly ("memory-safe") {
                mstore(0, 32)
                mstore(32, not(0))
                return(0, 64)
            }
        }
        if (kind == 4) {
            assembly ("memory-safe") {
                mstore(0, not(0))
                mstore(32, 5)
                return(0, 64)
            }
        }
        assembly ("memory-safe") {
            return(0, 0)
        }
    }

    function symbol() public view override returns (string memory) {
        return name();
    }

    function decimals() public view override returns (uint8) {
        name();
        return 7;
    }
}

/// Comes in like any other, and says no when it shall go out.
contract OneWayToken is ERC20 {
    constructor() ERC20("One way", "ONE") {
        _mint(msg.sender, 1000 ether);
    }

    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// Says that it moved, and says no.
contract LyingToken {
    bool private immutable answer;

    constructor(bool answer_) {
        answer = answer_;
    }

    function balanceOf(address) external pure returns (uint256) {
        return 1000 ether;
    }

    function transferFrom(address, address, uint256) external view returns (bool) {
        return answer;
    }
}
