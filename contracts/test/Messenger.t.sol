// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IControl} from "../src/interfaces/IControl.sol";
import {IMessenger} from "../src/interfaces/IMessenger.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {IRewardPool} from "../src/interfaces/IRewardPool.sol";
import {IRollerRegistry} from "../src/interfaces/IRollerRegistry.sol";
import {Commit, Entry, IRollup, Program} from "../src/interfaces/IRollup.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {IOperatorBond} from "../src/interfaces/IOperatorBond.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {WithdrawalBase} from "./WithdrawalBase.sol";

/// Remembers what it was called with, unless it is told to refuse.
contract Recorder {
    error Closed(string reason);

    IMessenger public immutable messenger;
    bool public isClosed;
    uint256 public calls;
    address public caller;
    address public l2Sender;
    uint256 public valueWei;
    bytes public data;

    constructor(IMessenger messenger_) {
        messenger = messenger_;
    }

    function close(bool isClosed_) external {
        isClosed = isClosed_;
    }

    receive() external payable {}

    fallback() external payable {
        require(!isClosed, Closed("not now"));
        calls++;
        (caller, l2Sender, valueWei, data) = (msg.sender, messenger.l2Sender(), msg.value, msg.data);
    }
}

/// Has other withdrawals delivered while one is delivered to it.
contract Nesting {
    address private rollup;
    bytes private call_;
    bytes public refusal;

    function prepare(address rollup_, bytes calldata c) external {
        (rollup, call_) = (rollup_, c);
    }

    receive() external payable {}

    fallback() external payable {
        (bool done, bytes memory reason) = rollup.call(call_);
        if (!done) refusal = reason;
    }
}

/// Needs more gas than a careless or malicious caller gives.
contract Slow {
    uint256[20] private words;
    bool public isDone;

    receive() external payable {}

    fallback() external payable {
        for (uint256 i = 0; i < 20; i++) {
            words[i] = i + 1;
        }
        isDone = true;
    }
}

contract MessengerTest is WithdrawalBase {
    IMessenger private messenger;
    Recorder private recorder;
    address private sender = address(0x5e2de2);

    function setUp() public override {
        super.setUp();
        messenger = rollup.messenger();
        recorder = new Recorder(messenger);
    }

    function test_aMessageCallsItsRecipientWithTheEtherAndSaysWhoSentIt() public {
        bytes memory data = abi.encodeWithSignature("hello(uint256)", 7);
        send(sender, address(recorder), 3 ether, data);
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(recorder.calls(), 1);
        vm.assertEq(recorder.caller(), address(messenger));
        vm.assertEq(recorder.l2Sender(), sender);
        vm.assertEq(recorder.valueWei(), 3 ether);
        vm.assertEq(recorder.data(), data);
        vm.assertEq(address(recorder).balance, 3 ether);
        vm.assertEq(address(rollup).balance, 997 ether);
        vm.assertEq(messenger.l2Sender(), address(0));
    }

    function test_aRecipientWithoutCodeIsPaidAndIgnoresTheData() public {
        send(sender, address(0xc0de), 1 ether, "data");
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(address(0xc0de).balance, 1 ether);
    }

    function test_onlyTheRollupDelivers() public {
        vm.assertEq(messenger.rollup(), address(rollup));
        vm.assertEq(messenger.l2ChainId(), L2_CHAIN_ID);
        vm.assertEq(address(messenger), vm.computeCreateAddress(address(rollup), 1));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NotRollup.selector, stranger));
        bytes32[32] memory proof;
        vm.prank(stranger);
        messenger.deliver(0, 0, sender, address(recorder), "data", proof);
    }

    function test_aRefusedMessageIsDeliveredLaterAndOnce() public {
        recorder.close(true);
        send(sender, address(recorder), 1 ether, "data");
        uint64 batch = settleWith(queue.root());
        bytes memory reason = abi.encodeWithSelector(Recorder.Closed.selector, "not now");
        vm.expectRevert(abi.encodeWithSelector(IMessenger.DeliveryFailed.selector, address(recorder), reason));
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertFalse(rollup.withdrawalFinalized(0));
        vm.assertEq(address(rollup).balance, 1000 ether);
        vm.assertEq(messenger.l2Sender(), address(0));
        recorder.close(false);
        // By a later batch's root, too.
        send(sender, address(recorder), 1 ether, "more");
        batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(recorder.data(), "data");
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, 0));
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(recorder.calls(), 1);
    }

    /// Whoever finalises with too little gas spends it in vain: the message is not used up.
    function test_tooLittleGasFinalisesNothing() public {
        Slow slow = new Slow();
        send(sender, address(slow), 1 ether, "data");
        uint64 batch = settleWith(queue.root());
        bytes memory call_ = abi.encodeCall(IRollup.finalizeWithdrawal, (batch, sent[0], proofFor(0)));
        for (uint256 gas_ = 100_000; gas_ <= 500_000; gas_ += 50_000) {
            (bool done,) = address(rollup).call{gas: gas_}(call_);
            vm.assertFalse(done);
            vm.assertFalse(rollup.withdrawalFinalized(0));
        }
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertTrue(slow.isDone());
    }

    function test_noDeliveryInsideAnother() public {
        Nesting outer = new Nesting();
        send(sender, address(outer), 1 ether, "outer");
        send(address(0x1e2), address(recorder), 1 ether, "inner");
        uint64 batch = settleWith(queue.root());
        outer.prepare(address(rollup), abi.encodeCall(IRollup.finalizeWithdrawal, (batch, sent[1], proofFor(1))));
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(outer.refusal(), abi.encodeWithSelector(IMessenger.Delivering.selector));
        vm.assertTrue(rollup.withdrawalFinalized(0));
        vm.assertFalse(rollup.withdrawalFinalized(1));
        rollup.finalizeWithdrawal(batch, sent[1], proofFor(1));
        vm.assertEq(recorder.l2Sender(), address(0x1e2));
    }

    /// A message to the messenger can only be a question: it does not believe itself to be Rollup.
    function test_nobodySpeaksThroughTheMessengerToItself() public {
        bytes32[32] memory proof;
        bytes memory forged =
            abi.encodeCall(IMessenger.deliver, (0, 0, address(0xf0), address(recorder), "data", proof));
        refused(address(messenger), forged, IMessenger.NotRollup.selector);
    }

    /// A message to Rollup can do what everybody can, as the messenger's alias on L2, which nobody trusts.
    function test_aMessageToRollupIsOneOfTheMessengers() public {
        uint256 feeWei = 21_000 * uint256(rollup.messageGasPriceWei());
        bytes memory data = abi.encodeCall(IRollup.sendMessage, (address(7), 21_000, ""));
        send(sender, address(rollup), 1 ether + feeWei, data);
        uint64 batch = settleWith(queue.root());
        address alias_ = MessageLib.aliased(address(messenger));
        bytes32 hash = MessageLib.hash(0, alias_, address(7), 1 ether, 1 ether, 21_000, keccak256(""));
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        vm.assertEq(rollup.messageHashAt(1), MessageLib.roll(MessageLib.GENESIS, hash));
        vm.assertEq(address(rollup).balance, 1000 ether);
    }

    /// The hole of every bridge: a call that anybody words, from an account that others obey. Ours obeys nobody's.
    function test_messagesHaveNoRights() public {
        address thief = address(0x7e1ef);
        bytes4 notRollup = IRewardPool.NotRollup.selector;
        refused(address(pool), abi.encodeCall(pool.credit, (thief, 1 ether)), notRollup);
        refused(address(pool), abi.encodeCall(pool.hold, (1, 1 ether, type(uint64).max)), notRollup);
        refused(address(pool), abi.encodeCall(pool.release, (1, thief)), notRollup);
        refused(address(bond), abi.encodeCall(bond.book, (1, 1, 1, 1)), notRollup);
        refused(address(bond), abi.encodeCall(bond.payExcess, (thief, 1 ether)), notRollup);
        refused(address(emission), abi.encodeCall(emission.record, (thief, 1e6)), notRollup);
        bytes4 notCourt = IRollerRegistry.NotCourt.selector;
        refused(address(pool), abi.encodeCall(pool.setOff, (rollers[0], 1)), notCourt);
        refused(address(registry), abi.encodeCall(registry.fine, (rollers[0], 1 ether, thief, 1 ether)), notCourt);
        refused(address(registry), abi.encodeCall(registry.freeze, (rollers[0], 1 ether)), notCourt);
        refused(address(registry), abi.encodeCall(registry.unfreeze, (rollers[0], 1 ether)), notCourt);
        refused(address(bond), abi.encodeCall(bond.slash, (thief, 1 ether)), IOperatorBond.NotEvidence.selector);
        refused(address(bond), abi.encodeCall(bond.skip, (1)), IOperatorBond.NotEnforcement.selector);
        bytes4 notEnforcement = IRollup.NotEnforcement.selector;
        refused(address(rollup), abi.encodeCall(rollup.setEnforced, (1)), notEnforcement);
        refused(address(rollup), abi.encodeCall(rollup.drop, ()), notEnforcement);
    }

    function test_messagesAreNeitherOperatorNorGovernor() public {
        bytes4 notOperator = IControl.NotOperator.selector;
        Commit memory c = nextCommit();
        refused(address(rollup), abi.encodeCall(rollup.commit, (c, "data")), notOperator);
        refused(address(rollup), abi.encodeCall(rollup.postSnapshot, (1, 0, 0, "")), notOperator);
        refused(address(rollup), abi.encodeCall(rollup.postEntries, (1, new Entry[](1))), notOperator);
        refused(address(rollup), abi.encodeCall(rollup.withdrawFees, ()), notOperator);
        refused(address(control), abi.encodeCall(control.post, (1, dials(), 0)), notOperator);
        refused(address(control), abi.encodeCall(control.postPiece, (1, 0, "")), notOperator);
        refused(address(enforcement), abi.encodeCall(enforcement.resume, ()), notOperator);
        refused(address(bond), abi.encodeCall(bond.requestWithdrawal, (1)), notOperator);
        refused(address(bond), abi.encodeCall(bond.withdraw, ()), notOperator);
        bytes4 notGovernor = IProgramTable.NotGovernor.selector;
        Program memory p = rollup.programs(1);
        refused(address(rollup), abi.encodeCall(rollup.announceProgram, (p)), notGovernor);
        refused(address(parameters), abi.encodeCall(parameters.announce, (Key.FineMinWei, 1)), notGovernor);
        // Nor the bridge on L2.
        address bridge = vm.computeCreateAddress(address(rollup), 2);
        bytes memory theft = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(scr), sender, 1));
        refused(bridge, theft, ITokenBridge.NotL2Bridge.selector);
    }

    // --- helpers

    /// A message with this call is refused because the messenger, and nobody else, makes it.
    function refused(address target, bytes memory data, bytes4 selector) private {
        uint64 index = send(sender, target, 0, data);
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(index);
        bytes memory reason = abi.encodeWithSelector(selector, address(messenger));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.DeliveryFailed.selector, target, reason));
        rollup.finalizeWithdrawal(batch, sent[index], proof);
    }
}
