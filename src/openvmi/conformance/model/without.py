# SPDX-License-Identifier: MIT
"""Calls that no sequence makes, by name, and why; the model has every other one, and a sequence can make it."""

from __future__ import annotations

WITHOUT = {
    "Iret": "no call that returns: every operation in user mode begins with it",
    "SysRet": "no call that returns: a system call of user mode that goes on ends with it",
    "Shutdown": "it ends the guest, and every sequence with it; the conformance kit calls it",
    "SuspendPrepare": "no hypervisor has the group yet, and what stops events stops the sequences behind it too",
    "Suspend": "it ends the guest, and no hypervisor has the group yet",
}
