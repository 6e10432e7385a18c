// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "./interfaces/IProofVerifier.sol";
import {IProgramTable, Program} from "./interfaces/IProgramTable.sol";

/// @notice The programs whose proofs count: version -> (program, VM, verifier). Rows are never changed or removed,
/// so old versions stay settleable.
abstract contract ProgramTable is IProgramTable {
    /// @dev Least time between an announcement and its use: a new verifier could accept anything.
    uint64 private constant DELAY_MIN_S = 7 days;

    address public immutable governor;
    uint64 public immutable programDelayS;

    uint32 public programCount;
    mapping(uint32 version => Program) private _programs;

    constructor(address governor_, uint64 programDelayS_, Program[] memory initial) {
        require(programDelayS_ >= DELAY_MIN_S, BadParameter("programDelayS"));
        governor = governor_;
        programDelayS = programDelayS_;
        require(initial.length > 0, BadParameter("programs"));
        for (uint256 i = 0; i < initial.length; i++) {
            require(initial[i].activeFromS == 0, BadParameter("activeFromS"));
            _add(initial[i]);
        }
    }

    /// @inheritdoc IProgramTable
    function announceProgram(Program calldata p) external returns (uint32 version) {
        require(msg.sender == governor, NotGovernor(msg.sender));
        Program memory row = p;
        row.activeFromS = uint64(block.timestamp) + programDelayS;
        return _add(row);
    }

    /// @inheritdoc IProgramTable
    function programs(uint32 version) external view returns (Program memory) {
        return _programs[version];
    }

    function _program(uint32 version) internal view returns (Program storage p) {
        p = _programs[version];
        require(p.verifier != address(0), UnknownProgram(version));
    }

    function _requireActive(uint32 version) internal view {
        uint64 activeFromS = _program(version).activeFromS;
        require(activeFromS <= block.timestamp, InactiveProgram(version, activeFromS));
    }

    /// @dev Runs the verifier of a version. A revert in it reverts everything: no verdict without an answer.
    function _accepts(uint32 version, bytes32 publicValuesHash, bytes calldata proof) internal view returns (bool) {
        Program storage p = _program(version);
        return IProofVerifier(p.verifier).verify(p.exeCommit, p.vmCommit, publicValuesHash, proof);
    }

    function _add(Program memory p) private returns (uint32 version) {
        require(p.exeCommit != 0, ZeroHash("exeCommit"));
        require(p.vmCommit != 0, ZeroHash("vmCommit"));
        require(p.verifier.code.length > 0, BadParameter("verifier"));
        version = ++programCount;
        _programs[version] = p;
        emit ProgramAnnounced(version, p.exeCommit, p.vmCommit, p.verifier, p.forkId, p.scheduleId, p.activeFromS);
    }
}
