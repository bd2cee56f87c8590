# SPDX-License-Identifier: MIT
"""A guest as an ordinary process: how long its operations take, beside user-mode Linux where that is installed."""

from __future__ import annotations

from openvmi.bench.plan import Times

PLAN = Times(hypervisor="linux", rows="times", greeter="hello")
