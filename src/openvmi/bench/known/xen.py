# SPDX-License-Identifier: MIT
"""The question of 2006: is a neutral ROM as good as a kernel's own port to Xen? contrib/xen-direct is such a port."""

from __future__ import annotations

from openvmi.bench.plan import Limit, Plan

PLAN = Plan(
    hypervisor="xen", direct="bench-xen-direct", linked="bench", empty="empty-turn", whole="whole-run",
    rows={
        "interrupt-off": "interrupts off",
        "interrupt-on": "interrupts on",
        "interrupt-flag-save-restore": "interrupts off and as before",
        "null-system-call": "null system call",
        "page-fault": "page fault",
        "entry-map-unmap-flush": "one page mapped, unmapped, flushed",
        "64-entries-map": "64 entries mapped in a batch",
        "64-entries-unmap": "64 entries unmapped in a batch",
        "entry-encode-decode": "entry encoded, decoded",
        "two-address-space-switches": "two address-space switches",
        "flush": "flush of the TLB",
        "timer-set": "timer set",
        "timer-fires": "timer set, fires, is handled",
        "clock-read": "clock read",
        "event-to-oneself": "event to oneself",
        "yield": "yield",
    },
    limits=(
        Limit("null system call", "null-system-call", 850),
        Limit("64 entries mapped in a batch", "64-entries-map", 36_000),
        Limit("64 entries unmapped in a batch", "64-entries-unmap", 31_500),
    ),
    rom_size=8192,
    no_bar={
        "event-to-oneself": "Xen has no part in it, and what the ROM does more a port may leave out: it checks the"
                            " source, gives the handler every register as it was, and hides its jump from speculation",
    },
)
