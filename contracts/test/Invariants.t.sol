// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EnforcementHandlers} from "./invariants/EnforcementHandlers.sol";
import {Vm} from "./Vm.sol";

/// Does, in any order, what rollers, a lying operator, accusers, governor and strangers can do.
contract Handler is EnforcementHandlers {
    /// Every handler.
    function handlers() external pure returns (bytes4[] memory all) {
        bytes4[55] memory list = [
            this.depositStake.selector,
            this.requestUnbond.selector,
            this.withdraw.selector,
            this.setReady.selector,
            this.claim.selector,
            this.creditArrears.selector,
            this.commitBatch.selector,
            this.enter.selector,
            this.enterFalsely.selector,
            this.settle.selector,
            this.settleTogether.selector,
            this.settleUnpaid.selector,
            this.claimLate.selector,
            this.burnHeld.selector,
            this.nextSnapshot.selector,
            this.depositBond.selector,
            this.leaveBond.selector,
            this.withdrawBond.selector,
            this.postDials.selector,
            this.operatorTries.selector,
            this.claimEmission.selector,
            this.burnPot.selector,
            this.announceProgram.selector,
            this.changeParameter.selector,
            this.judgeGarbage.selector,
            this.judgeValid.selector,
            this.accuse.selector,
            this.answer.selector,
            this.defend.selector,
            this.defendExpired.selector,
            this.convict.selector,
            this.leaveAccused.selector,
            this.quarantine.selector,
            this.chargeVerdicts.selector,
            this.chargeAssignments.selector,
            this.chargeCloses.selector,
            this.chargeTime.selector,
            this.chargeTickets.selector,
            this.chargeEntry.selector,
            this.chargeUnposted.selector,
            this.chargePosted.selector,
            this.chargeCapacity.selector,
            this.chargeNothingForATrueDraw.selector,
            this.chargeSilent.selector,
            this.chargeNotReady.selector,
            this.chargeAccused.selector,
            this.chargeDroppedPosted.selector,
            this.chargeDroppedVerdict.selector,
            this.chargeLateSettlement.selector,
            this.chargeNothingAfterAClaim.selector,
            this.chargeLostBeacon.selector,
            this.chargeTheInnocent.selector,
            this.enforceOverCensorship.selector,
            this.enforceOverSilence.selector,
            this.dropGarbage.selector
        ];
        all = new bytes4[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            all[i] = list[i];
        }
    }
}

contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), handler.handlers());
    }

    function invariant_booksBalanceAndNobodyIsPaidTwice() public view {
        handler.checkHandlers();
        handler.checkStake();
        handler.checkHonest();
        handler.checkCourt();
        handler.checkBond();
        handler.checkPool();
        handler.checkSupply();
        handler.checkBatches();
    }

    /// No run is empty: each handler did what it is for, at least once.
    function afterInvariant() public view {
        bytes4[] memory all = handler.handlers();
        for (uint256 i = 0; i < all.length; i++) {
            vm.assertTrue(handler.succeeded(all[i]) > 0, vm.toString(uint256(uint32(all[i]))));
        }
    }
}
