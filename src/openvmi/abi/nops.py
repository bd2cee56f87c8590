# SPDX-License-Identifier: MIT
"""Multi-byte NOPs that pad a site (Intel SDM volume 2B, NOP; beyond nine bytes with operand-size prefixes)."""

_UP_TO_NINE = (
    b"",
    bytes.fromhex("90"),
    bytes.fromhex("6690"),
    bytes.fromhex("0f1f00"),
    bytes.fromhex("0f1f4000"),
    bytes.fromhex("0f1f440000"),
    bytes.fromhex("660f1f440000"),
    bytes.fromhex("0f1f8000000000"),
    bytes.fromhex("0f1f840000000000"),
    bytes.fromhex("660f1f840000000000"),
)
LONGEST = 15


def nop(size: int) -> bytes:
    """One NOP instruction of `size` bytes, 0 to 15; no bytes for 0."""
    if not 0 <= size <= LONGEST:
        raise ValueError(f"no single NOP has {size} bytes")
    if size <= 9:
        return _UP_TO_NINE[size]
    return b"\x66" * (size - 10) + b"\x66\x2e" + _UP_TO_NINE[8]
