// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Deposit, IL2TokenBridge} from "../src/interfaces/IL2TokenBridge.sol";
import {IMessenger} from "../src/interfaces/IMessenger.sol";
import {Commit, IRollup} from "../src/interfaces/IRollup.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {BridgedToken} from "../src/l2/BridgedToken.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {BridgeBase} from "./BridgeBase.sol";
import {HookToken, HostileToken, LyingToken, OldToken, OneWayToken, TaxedToken, TextToken} from "./Tokens.sol";

contract TokenBridgeTest is BridgeBase {
    address private ann = address(0xa22);
    address private ben = address(0xbe2);
    TextToken private token;

    function setUp() public override {
        super.setUp();
        token = new TextToken("Test money", "TEST", 6, 1000);
        give(address(token), ann, 1000);
    }

    // --- there and back

    function test_aTokenGoesToL2AndComesBack() public {
        vm.assertEq(address(bridge.rollup()), address(rollup));
        vm.assertEq(l2Bridge.l1Bridge(), address(bridge));
        uint256 feeWei = bridge.depositFeeWei();
        vm.assertEq(feeWei, 600_000 * 1 gwei);
        vm.deal(ann, feeWei);
        vm.recordLogs();
        vm.expectEmit(address(bridge));
        emit ITokenBridge.DepositInitiated(0, address(token), ann, ben, 400);
        vm.prank(ann);
        vm.assertEq(bridge.deposit{value: feeWei}(address(token), ben, 400), 0);
        vm.assertEq(bridge.depositCount(), 1);
        vm.assertEq(bridge.lockedOf(address(token)), 400);
        vm.assertEq(token.balanceOf(address(bridge)), 400);
        vm.assertEq(rollup.feesWei(), feeWei);

        Queued memory q = lastQueued();
        vm.assertEq(q.sender, MessageLib.aliased(address(bridge)));
        vm.assertEq(q.to, address(l2Bridge));
        BridgedToken twin = twinOf(address(token));
        vm.assertEq(address(twin).code.length, 0);
        vm.expectEmit(address(l2Bridge));
        emit IL2TokenBridge.DepositFinalized(0, address(token), ben, address(twin), 400);
        vm.expectEmit(address(l2Bridge));
        emit IL2TokenBridge.TokenCreated(address(token), address(twin), "Test money", "TEST", 6);
        vm.assertTrue(execute(q));
        vm.assertEq(twin.balanceOf(ben), 400);
        vm.assertEq(twin.totalSupply(), 400);
        vm.assertEq(twin.l1Token(), address(token));
        vm.assertEq(bytes(twin.name()), "Test money");
        vm.assertEq(bytes(twin.symbol()), "TEST");
        vm.assertEq(twin.decimals(), 6);

        uint64 index = withdraw(ben, address(token), address(0xcc), 150);
        vm.assertEq(twin.balanceOf(ben), 250);
        vm.assertEq(twin.totalSupply(), 250);
        uint64 batch = settleWith(queue.root());
        vm.expectEmit(address(bridge));
        emit ITokenBridge.WithdrawalFinalized(address(token), address(0xcc), 150);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(token.balanceOf(address(0xcc)), 150);
        vm.assertEq(token.balanceOf(address(bridge)), 250);
        vm.assertEq(bridge.lockedOf(address(token)), 250);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, index));
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
    }

    function test_theTwinIsCreatedOnceAndIsAnOrdinaryToken() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        BridgedToken twin = twinOf(address(token));
        bytes32 code = keccak256(address(twin).code);
        vm.assertTrue(execute(deposit(ann, address(token), ben, 20)));
        vm.assertEq(keccak256(address(twin).code), code);
        vm.assertEq(twin.balanceOf(ben), 30);
        vm.prank(ben);
        twin.transfer(ann, 12);
        vm.prank(ann);
        twin.approve(ben, 5);
        vm.prank(ben);
        twin.transferFrom(ann, ben, 5);
        vm.assertEq(twin.balanceOf(ann), 7);
        vm.assertEq(twin.balanceOf(ben), 23);
        // Another token, another twin.
        TextToken other = new TextToken("Test money", "TEST", 6, 5);
        give(address(other), ann, 5);
        vm.assertTrue(execute(deposit(ann, address(other), ben, 5)));
        vm.assertTrue(address(twinOf(address(other))) != address(twin));
        vm.assertEq(twinOf(address(other)).totalSupply(), 5);
        vm.assertEq(twin.totalSupply(), 30);
    }

    /// A twin is worth its own token, by the name that the token has on L1, and nothing else.
    function test_aTwinTakesNoOtherTokenOut() public {
        TextToken other = new TextToken("Other", "OTH", 18, 1000);
        give(address(other), ann, 1000);
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        vm.assertTrue(execute(deposit(ann, address(other), ann, 1000)));
        BridgedToken twin = twinOf(address(token));
        vm.startPrank(ben);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ben, 0, 10));
        l2Bridge.withdraw(address(other), ben, 10);
        vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.UnknownToken.selector, address(twin)));
        l2Bridge.withdraw(address(twin), ben, 10);
        vm.stopPrank();
        vm.assertEq(twin.balanceOf(ben), 10);
        vm.assertEq(queue.count(), 0);
    }

    /// Without the operator: what was settled before is given back, and so is what leaves by a forced transaction.
    function test_tokensLeaveInEnforcedMode() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        uint64 before = withdraw(ben, address(token), ben, 3);
        settleWith(queue.root());
        bytes memory data = abi.encodeCall(IL2TokenBridge.withdraw, (address(token), ben, 7));
        vm.deal(ben, 1 ether);
        vm.recordLogs();
        vm.prank(ben, ben);
        rollup.forceTransaction{value: 500_000 gwei}(address(l2Bridge), 0, 500_000, data);
        Queued memory q = lastQueued();
        vm.assertEq(q.sender, ben);
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        rollup.finalizeWithdrawal(1, sent[before], proofFor(before));
        vm.assertEq(token.balanceOf(ben), 3);

        vm.assertTrue(execute(q));
        uint64 index = uint64(queue.count() - 1);
        noteTokens(index, address(token), ben, 7);
        vm.assertEq(queue.root(), referenceRoot());
        Commit memory c = nextCommit();
        c.withdrawalRoot = queue.root();
        bytes memory batch = "a batch of one's own";
        PublicValues memory pv = enforcedValues(c, batch, stranger);
        enforcement.enforceBatch(c, batch, pv, proofOf(pv));
        vm.assertTrue(rollup.enforcedSince() != 0);
        rollup.finalizeWithdrawal(c.batch, sent[index], proofFor(index));
        vm.assertEq(token.balanceOf(ben), 10);
        vm.assertEq(bridge.lockedOf(address(token)), 0);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, index));
        rollup.finalizeWithdrawal(c.batch, sent[index], proofFor(index));
    }

    function test_aForeignChainsWithdrawalIsWorthless() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        uint64 index = withdraw(ben, address(token), ben, 10);
        uint64 batch = settleWith(queue.root());
        vm.chainId(1);
        vm.expectPartialRevert(IMessenger.InvalidWithdrawalProof.selector);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.chainId(31337);
        // And the true one with another amount, another token, or another taker.
        bytes memory data = sent[index].data;
        bytes[3] memory forged = [
            abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(token), ben, 11)),
            abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(scr), ben, 10)),
            abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(token), ann, 10))
        ];
        for (uint256 i = 0; i < 3; i++) {
            sent[index].data = forged[i];
            vm.expectPartialRevert(IMessenger.InvalidWithdrawalProof.selector);
            rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        }
        sent[index].data = data;
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(token.balanceOf(ben), 10);
    }

    // --- who may

    function test_onlyTheL1BridgeMints() public {
        Deposit memory d = Deposit(0, address(token), ben, 1, "Test money", "TEST", 6);
        // Its own address on L2 is somebody else's.
        address[4] memory callers = [ben, address(bridge), address(rollup), MessageLib.aliased(address(rollup))];
        for (uint256 i = 0; i < 4; i++) {
            vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.NotL1Bridge.selector, callers[i]));
            vm.prank(callers[i]);
            l2Bridge.finalizeDeposit(d);
        }
        vm.prank(MessageLib.aliased(address(bridge)));
        l2Bridge.finalizeDeposit(d);
        vm.assertEq(twinOf(address(token)).balanceOf(ben), 1);
    }

    function test_onlyTheBridgeCommandsTheTwins() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        BridgedToken[2] memory tokens = [twinOf(address(token)), BridgedToken(Predeploys.BRIDGED_TOKEN)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotBridge.selector, address(this)));
            tokens[i].mint(ben, 1);
            vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotBridge.selector, address(this)));
            tokens[i].burn(ben, 1);
            vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotBridge.selector, address(this)));
            tokens[i].initialize(address(1), "Another", "TEST", 6);
        }
    }

    function test_onlyTheL2BridgeUnlocks() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        bytes memory theft = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(token), ben, 10));
        // By itself, as the bridge on L2, and by a message of somebody else on L2.
        address[2] memory callers = [ben, address(l2Bridge)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotL2Bridge.selector, callers[i]));
            vm.prank(callers[i]);
            bridge.finalizeWithdrawal(address(token), ben, 10);
        }
        uint64 index = send(ben, address(bridge), 0, theft);
        uint64 batch = settleWith(queue.root());
        bytes memory reason = abi.encodeWithSelector(ITokenBridge.NotL2Bridge.selector, address(rollup.messenger()));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.DeliveryFailed.selector, address(bridge), reason));
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
    }

    /// Even an L2 that mints what nobody deposited takes no more than came in, and no other token.
    function test_noMoreComesOutThanCameIn() public {
        TextToken other = new TextToken("Other", "OTH", 18, 1000);
        give(address(other), ann, 1000);
        deposit(ann, address(token), ben, 10);
        deposit(ann, address(other), ben, 1000);
        bytes memory data = abi.encodeCall(ITokenBridge.finalizeWithdrawal, (address(token), ben, 11));
        uint64 index = send(address(l2Bridge), address(bridge), 0, data);
        uint64 batch = settleWith(queue.root());
        vm.expectPartialRevert(IMessenger.DeliveryFailed.selector);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        // Not when somebody gave the bridge a present either.
        vm.prank(ann);
        token.transfer(address(bridge), 5);
        vm.expectPartialRevert(IMessenger.DeliveryFailed.selector);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(bridge.lockedOf(address(token)), 10);
    }

    // --- what is refused

    function test_depositsOfNothingForNobodyOrAtAnotherPriceAreRefused() public {
        uint256 feeWei = bridge.depositFeeWei();
        vm.deal(ann, 2 * feeWei);
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ZeroRecipient.selector));
        bridge.deposit{value: feeWei}(address(token), address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ZeroAmount.selector));
        bridge.deposit{value: feeWei}(address(token), ben, 0);
        for (uint256 i = 0; i < 2; i++) {
            uint256 valueWei = feeWei - 1 + 2 * i;
            vm.expectRevert(abi.encodeWithSelector(ITokenBridge.WrongFee.selector, valueWei, feeWei));
            bridge.deposit{value: valueWei}(address(token), ben, 1);
        }
        token.approve(address(bridge), 1001);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
        bridge.deposit{value: feeWei}(address(token), ben, 1001);
        token.approve(address(bridge), 0);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        bridge.deposit{value: feeWei}(address(token), ben, 1);
        // No contract at all.
        vm.expectRevert();
        bridge.deposit{value: feeWei}(address(0xdead), ben, 1);
        vm.assertEq(bridge.depositCount(), 0);
        vm.assertEq(bridge.lockedOf(address(token)), 0);
    }

    function test_withdrawalsOfWhatIsNotThereAreRefused() public {
        vm.assertTrue(execute(deposit(ann, address(token), ben, 10)));
        vm.startPrank(ben);
        vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.ZeroRecipient.selector));
        l2Bridge.withdraw(address(token), address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.ZeroAmount.selector));
        l2Bridge.withdraw(address(token), ben, 0);
        vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.UnknownToken.selector, address(scr)));
        l2Bridge.withdraw(address(scr), ben, 1);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
        l2Bridge.withdraw(address(token), ben, 11);
        vm.stopPrank();
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
        l2Bridge.withdraw(address(token), ben, 1);
        vm.assertEq(queue.count(), 0);
    }

    // --- a deposit that fails on L2

    function test_aFailedDepositIsSentAgainAndExecutedOnce() public {
        Queued memory first = deposit(ann, address(token), ben, 10);
        vm.assertFalse(executeWith(first, 100_000));
        vm.assertFalse(l2Bridge.depositExecuted(0));
        vm.assertEq(address(twinOf(address(token))).code.length, 0);
        // Anybody sends it again, with any gas.
        uint256 feeWei = bridge.messageFeeWei(1_500_000);
        vm.deal(stranger, feeWei);
        vm.recordLogs();
        vm.expectEmit(address(bridge));
        emit ITokenBridge.DepositRetried(0);
        vm.prank(stranger);
        bridge.retryDeposit{value: feeWei}(0, address(token), ben, 10, 1_500_000);
        Queued memory second = lastQueued();
        vm.assertEq(second.gasLimit, 1_500_000);
        vm.assertEq(second.data, first.data);
        vm.assertTrue(execute(second));
        vm.assertTrue(l2Bridge.depositExecuted(0));
        vm.assertEq(twinOf(address(token)).balanceOf(ben), 10);
        // Neither of them does anything any more.
        vm.assertFalse(execute(second));
        vm.assertFalse(execute(first));
        vm.expectRevert(abi.encodeWithSelector(IL2TokenBridge.AlreadyExecuted.selector, 0));
        vm.prank(MessageLib.aliased(address(bridge)));
        l2Bridge.finalizeDeposit(Deposit(0, address(token), ben, 10, "", "", 0));
        vm.assertEq(twinOf(address(token)).totalSupply(), 10);
    }

    function test_onlyWhatWasDepositedIsSentAgain() public {
        deposit(ann, address(token), ben, 10);
        uint256 feeWei = bridge.messageFeeWei(600_000);
        vm.deal(ann, 10 * feeWei);
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.UnknownDeposit.selector, 1));
        bridge.retryDeposit{value: feeWei}(1, address(token), ben, 10, 600_000);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.UnknownDeposit.selector, 0));
        bridge.retryDeposit{value: feeWei}(0, address(token), ben, 11, 600_000);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.UnknownDeposit.selector, 0));
        bridge.retryDeposit{value: feeWei}(0, address(token), ann, 10, 600_000);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.UnknownDeposit.selector, 0));
        bridge.retryDeposit{value: feeWei}(0, address(scr), ben, 10, 600_000);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.WrongFee.selector, feeWei - 1, feeWei));
        bridge.retryDeposit{value: feeWei - 1}(0, address(token), ben, 10, 600_000);
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        bridge.retryDeposit{value: 2_000_001 gwei}(0, address(token), ben, 10, 2_000_001);
    }

    // --- tokens that are not as they should be

    function test_aTaxedTokenIsRefused() public {
        TaxedToken taxed = new TaxedToken();
        approve(address(taxed), 100);
        uint256 feeWei = bridge.depositFeeWei();
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.WrongAmountReceived.selector, address(taxed), 99, 100));
        bridge.deposit{value: feeWei}(address(taxed), ben, 100);
    }

    function test_aTokenThatOnlySaysThatItMovedIsRefused() public {
        uint256 feeWei = bridge.depositFeeWei();
        address liar = address(new LyingToken(true));
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.WrongAmountReceived.selector, liar, 0, 100));
        bridge.deposit{value: feeWei}(liar, ben, 100);
        liar = address(new LyingToken(false));
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, liar));
        bridge.deposit{value: feeWei}(liar, ben, 100);
    }

    /// One that reverts is not deposited; one that says no on its way out stays owed.
    function test_aTokenThatRefusesMovesNothing() public {
        HookToken hook = new HookToken();
        approve(address(hook), 100);
        hook.freeze(true);
        uint256 feeWei = bridge.depositFeeWei();
        vm.expectRevert(bytes.concat(bytes4(keccak256("Error(string)")), abi.encode("frozen")));
        bridge.deposit{value: feeWei}(address(hook), ben, 100);
        vm.assertEq(bridge.depositCount(), 0);
        vm.assertEq(bridge.lockedOf(address(hook)), 0);

        OneWayToken oneWay = new OneWayToken();
        approve(address(oneWay), 100);
        vm.assertTrue(execute(depositOwn(address(oneWay), 100)));
        uint64 index = withdraw(ben, address(oneWay), ann, 100);
        uint64 batch = settleWith(queue.root());
        bytes memory reason = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, oneWay);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.DeliveryFailed.selector, address(bridge), reason));
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertFalse(rollup.withdrawalFinalized(index));
        vm.assertEq(bridge.lockedOf(address(oneWay)), 100);
    }

    function test_anOldTokenGoesThereAndBack() public {
        OldToken old = new OldToken();
        old.approve(address(bridge), 100);
        vm.assertTrue(execute(depositOwn(address(old), 100)));
        BridgedToken twin = twinOf(address(old));
        vm.assertEq(bytes(twin.name()), "An old token");
        vm.assertEq(bytes(twin.symbol()), "OLD");
        vm.assertEq(twin.decimals(), 18);
        uint64 index = withdraw(ben, address(old), ann, 100);
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(old.balanceOf(ann), 100);
    }

    function test_noAnswerAboutItselfFailsADeposit() public {
        for (uint256 kind = 0; kind < 6; kind++) {
            address hostile = address(new HostileToken(kind));
            approve(hostile, 100);
            Queued memory q = depositOwn(hostile, 100);
            vm.assertTrue(q.data.length <= 4 + 32 * 14);
            vm.assertTrue(execute(q));
            BridgedToken twin = twinOf(hostile);
            vm.assertEq(twin.balanceOf(ben), 100);
            vm.assertEq(bytes(twin.name()), kind == 1 ? new bytes(64) : bytes(""));
            vm.assertEq(twin.decimals(), kind == 1 ? 7 : kind == 3 ? 32 : 18);
        }
    }

    function test_longTextsAreCutAndTheirDepositHasGasEnough() public {
        string memory text = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef and more";
        TextToken wordy = new TextToken(text, text, 255, 1000);
        approve(address(wordy), 100);
        Queued memory q = depositOwn(address(wordy), 100);
        uint256 before = gasleft();
        vm.assertTrue(execute(q));
        // With all that a message costs before it runs.
        vm.assertTrue(before - gasleft() + 21_000 + 40 * q.data.length < bridge.DEPOSIT_GAS() * 3 / 4);
        bytes memory cut = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        vm.assertEq(bytes(twinOf(address(wordy)).name()), cut);
        vm.assertEq(bytes(twinOf(address(wordy)).symbol()), cut);
        vm.assertEq(twinOf(address(wordy)).decimals(), 255);
    }

    /// Too little gas to hear the token's name is too little for the deposit.
    function test_nobodyHidesANameByGivingLittleGas() public {
        bytes memory call_ = abi.encodeCall(ITokenBridge.deposit, (address(token), ben, 1));
        uint256 feeWei = bridge.depositFeeWei();
        vm.deal(ann, 1000 * feeWei);
        uint256 deposits = 0;
        for (uint256 gas_ = 40_000; gas_ < 400_000; gas_ += 1_777) {
            vm.recordLogs();
            vm.prank(ann);
            (bool done,) = address(bridge).call{gas: gas_, value: feeWei}(call_);
            if (!done) continue;
            deposits++;
            vm.assertTrue(execute(lastQueued()));
        }
        vm.assertTrue(deposits > 0 && deposits < 200);
        vm.assertEq(bytes(twinOf(address(token)).name()), "Test money");
        vm.assertEq(twinOf(address(token)).totalSupply(), deposits);
    }

    function test_aTokenThatCallsBackFindsTheBridgeShut() public {
        HookToken hook = new HookToken();
        approve(address(hook), 200);
        bytes memory shut = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        bytes memory again = abi.encodeCall(ITokenBridge.deposit, (address(hook), ben, 100));
        hook.prepare(address(bridge), again);
        vm.assertTrue(execute(depositOwn(address(hook), 100)));
        vm.assertEq(hook.refusal(), shut);
        vm.assertEq(twinOf(address(hook)).totalSupply(), 100);
        // On the way back, too; and the messenger makes no second delivery meanwhile.
        uint64 first = withdraw(ben, address(hook), ann, 50);
        uint64 second = withdraw(ben, address(hook), ann, 50);
        uint64 batch = settleWith(queue.root());
        hook.prepare(address(bridge), again);
        rollup.finalizeWithdrawal(batch, sent[first], proofFor(first));
        vm.assertEq(hook.refusal(), shut);
        hook.prepare(address(rollup), abi.encodeCall(IRollup.finalizeWithdrawal, (batch, sent[first], proofFor(first))));
        rollup.finalizeWithdrawal(batch, sent[second], proofFor(second));
        vm.assertEq(hook.refusal(), abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, first));
        vm.assertEq(hook.balanceOf(ann), 100);
        vm.assertEq(bridge.lockedOf(address(hook)), 0);
    }

    function test_aFrozenTokenIsPaidWhenItThaws() public {
        HookToken hook = new HookToken();
        approve(address(hook), 100);
        vm.assertTrue(execute(depositOwn(address(hook), 100)));
        uint64 index = withdraw(ben, address(hook), ann, 100);
        uint64 batch = settleWith(queue.root());
        hook.freeze(true);
        vm.expectPartialRevert(IMessenger.DeliveryFailed.selector);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertFalse(rollup.withdrawalFinalized(index));
        vm.assertEq(bridge.lockedOf(address(hook)), 100);
        hook.freeze(false);
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(hook.balanceOf(ann), 100);
    }

    // --- helpers

    /// Gives `who` tokens of this contract, and the bridge leave to take them.
    function give(address token_, address who, uint256 amount) private {
        IERC20(token_).transfer(who, amount);
        vm.prank(who);
        IERC20(token_).approve(address(bridge), amount);
    }

    /// Lets the bridge take tokens of this contract, which pays the fees.
    function approve(address token_, uint256 amount) private {
        IERC20(token_).approve(address(bridge), amount);
        vm.deal(address(this), 1 ether);
    }

    function depositOwn(address token_, uint256 amount) private returns (Queued memory) {
        return deposit(address(this), token_, ben, amount);
    }
}
