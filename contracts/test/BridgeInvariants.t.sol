// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRollup} from "../src/interfaces/IRollup.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {TextToken} from "./Tokens.sol";
import {Vm} from "./Vm.sol";

/// Users, the sequencer and thieves move two tokens over the bridge in any order; messages run out of gas on L2 and are sent
/// again. Each handler brings itself to where it can do what it is for, and notes what does not hold instead of reverting.
contract BridgeHandler is BridgeBase {
    struct Made {
        address token;
        address to;
        uint256 amount;
        bool isExecuted;
    }

    struct Burned {
        address token;
        address to;
        uint256 amount;
        bool isFinalized;
    }

    uint256 private constant SUPPLY = 1_000_000;

    /// How often each handler did what it is for.
    mapping(bytes4 selector => uint256) public succeeded;
    /// The first thing that did not hold.
    string public broken;

    TextToken[2] private tokens;
    address[3] private users = [address(0xa1), address(0xa2), address(0xa3)];
    address private thief = address(0x7e1ef);
    Made[] private made;
    Queued[] private messages;
    /// Deposit of each message.
    uint64[] private depositOf;
    uint256 private nextMessage;
    /// By index in the queue; a thief's are finalised from the start.
    Burned[] private burned;
    uint64 private settledBatch;
    uint256 private settledLeaves;
    mapping(address token => uint256) private pendingIn;
    mapping(address token => uint256) private pendingOut;
    mapping(address token => uint256) private presents;

    modifier done() {
        _;
        succeeded[msg.sig]++;
    }

    constructor() {
        setUp();
        for (uint256 i = 0; i < 2; i++) {
            tokens[i] = new TextToken("Money", "MON", 18, 3 * SUPPLY);
            for (uint256 j = 0; j < 3; j++) {
                tokens[i].transfer(users[j], SUPPLY);
                vm.prank(users[j]);
                tokens[i].approve(address(bridge), type(uint256).max);
            }
        }
    }

    function handlers() external pure returns (bytes4[8] memory) {
        return [
            this.depositSome.selector,
            this.executeNext.selector,
            this.starveNext.selector,
            this.retry.selector,
            this.withdrawSome.selector,
            this.finalize.selector,
            this.finalizeAgain.selector,
            this.steal.selector
        ];
    }

    // --- what is done

    function depositSome(uint256 seed) external done {
        deposit_(seed);
    }

    function executeNext(uint256 seed) external done {
        if (nextMessage == messages.length) deposit_(seed);
        execute_(true);
    }

    /// The message runs out of gas on L2.
    function starveNext(uint256 seed) external done {
        if (nextMessage == messages.length) deposit_(seed);
        execute_(false);
    }

    /// Sends a deposit again, whether it has failed, is on its way or has been executed.
    function retry(uint256 seed) external done {
        if (made.length == 0) deposit_(seed);
        uint64 id = uint64(seed % made.length);
        Made memory m = made[id];
        uint256 feeWei = bridge.messageFeeWei(700_000);
        vm.deal(thief, feeWei);
        vm.recordLogs();
        vm.prank(thief);
        bridge.retryDeposit{value: feeWei}(id, m.token, m.to, m.amount, 700_000);
        messages.push(lastQueued());
        depositOf.push(id);
    }

    function withdrawSome(uint256 seed) external done {
        withdraw_(seed);
    }

    function finalize(uint256 seed) external done {
        uint64 index = open(seed);
        settle();
        Burned storage b = burned[index];
        uint256 before = TextToken(b.token).balanceOf(b.to);
        rollup.finalizeWithdrawal(settledBatch, sent[index], proofFor(index));
        must(TextToken(b.token).balanceOf(b.to) - before == b.amount, "another amount");
        b.isFinalized = true;
        pendingOut[b.token] -= b.amount;
        // And at once again.
        refused(index, "finalised twice");
    }

    function finalizeAgain(uint256 seed) external done {
        for (uint256 i = 0; i < burned.length; i++) {
            uint64 index = uint64((seed % burned.length + i) % burned.length);
            if (!burned[index].isFinalized) continue;
            refused(index, "finalised again");
            return;
        }
        revert("nothing is finalised");
    }

    /// A message of somebody else on L2, in the bridge's words; and the bridge's own functions.
    function steal(uint256 seed) external done {
        address token = address(tokens[seed % 2]);
        bytes memory theft = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (token, thief, 1));
        uint64 index = send(thief, address(bridge), 0, theft);
        burned.push(Burned(token, thief, 1, true));
        settle();
        refused(index, "stolen by a message");
        vm.prank(thief);
        (bool isDone,) = address(bridge).call(theft);
        must(!isDone, "stolen by a call");
        vm.prank(thief);
        (isDone,) = address(l2Bridge).call(messages.length == 0 ? theft : messages[0].data);
        must(!isDone, "minted by a call");
        // A present is nobody's.
        vm.prank(users[0]);
        tokens[seed % 2].transfer(address(bridge), 1);
        presents[token]++;
    }

    // --- what must hold

    function check() external view {
        vm.assertTrue(bytes(broken).length == 0, broken);
        for (uint256 i = 0; i < 2; i++) {
            address token = address(tokens[i]);
            address twin = l2Bridge.tokenOf(token);
            uint256 supply = twin.code.length == 0 ? 0 : TextToken(twin).totalSupply();
            uint256 lockedWei = bridge.lockedOf(token);
            vm.assertEq(lockedWei, supply + pendingIn[token] + pendingOut[token], "locked");
            vm.assertEq(tokens[i].balanceOf(address(bridge)), lockedWei + presents[token], "held");
            vm.assertEq(tokens[i].balanceOf(thief), 0, "stolen");
        }
    }

    // --- steps

    function deposit_(uint256 seed) private {
        TextToken token = tokens[seed % 2];
        address from = users[(seed >> 8) % 3];
        address to = users[(seed >> 16) % 3];
        uint256 amount = 1 + (seed >> 24) % 1000;
        if (token.balanceOf(from) < amount) return;
        messages.push(deposit(from, address(token), to, amount));
        depositOf.push(uint64(made.length));
        made.push(Made(address(token), to, amount, false));
        pendingIn[address(token)] += amount;
    }

    /// Executes the next message, which does what it is for exactly if nothing did it before and there is gas.
    function execute_(bool isFed) private {
        Queued memory q = messages[nextMessage];
        Made storage m = made[depositOf[nextMessage]];
        nextMessage++;
        bool isDone = isFed ? execute(q) : executeWith(q, 30_000);
        must(isDone == (isFed && !m.isExecuted), "executed");
        if (!isDone) return;
        m.isExecuted = true;
        pendingIn[m.token] -= m.amount;
    }

    function withdraw_(uint256 seed) private {
        TextToken token = tokens[seed % 2];
        address from = users[(seed >> 8) % 3];
        address twin = l2Bridge.tokenOf(address(token));
        uint256 held = twin.code.length == 0 ? 0 : TextToken(twin).balanceOf(from);
        require(held != 0, "nothing to withdraw");
        uint256 amount = 1 + (seed >> 24) % held;
        address to = users[(seed >> 16) % 3];
        withdraw(from, address(token), to, amount);
        burned.push(Burned(address(token), to, amount, false));
        pendingOut[address(token)] += amount;
    }

    /// A withdrawal that is not finalised.
    function open(uint256 seed) private returns (uint64) {
        for (uint256 i = 0; i < burned.length; i++) {
            uint256 index = (seed % burned.length + i) % burned.length;
            if (!burned[index].isFinalized) return uint64(index);
        }
        withdraw_(seed);
        return uint64(burned.length - 1);
    }

    /// Brings every withdrawal into a settled batch.
    function settle() private {
        if (settledLeaves == leaves.length) return;
        settledBatch = settleWith(queue.root());
        settledLeaves = leaves.length;
    }

    function refused(uint64 index, string memory what) private {
        settle();
        (bool isDone,) = address(rollup)
            .call(abi.encodeCall(IRollup.finalizeWithdrawal, (settledBatch, sent[index], proofFor(index))));
        must(!isDone, what);
    }

    function must(bool holds, string memory what) private {
        if (!holds && bytes(broken).length == 0) broken = what;
    }
}

contract BridgeInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    BridgeHandler private handler;

    function setUp() public {
        handler = new BridgeHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[8] memory list = handler.handlers();
        bytes4[] memory selectors = new bytes4[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            selectors[i] = list[i];
        }
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_whatIsLockedIsWhatCirculatesOrIsOnItsWay() public view {
        handler.check();
    }

    /// No run is empty: each handler did what it is for, at least once.
    function afterInvariant() public view {
        bytes4[8] memory list = handler.handlers();
        for (uint256 i = 0; i < list.length; i++) {
            vm.assertTrue(handler.succeeded(list[i]) > 0, vm.toString(uint256(uint32(list[i]))));
        }
    }
}
