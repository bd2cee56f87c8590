# SPDX-License-Identifier: MIT
"""What a blob is: ROMs, option ROMs, kernel modules and other ELF files, asked what the original proposal asked.

Readers of bytes (`elf`, `modinfo`, `appended`, `option_rom`, `pe`, `unpack`) know formats and nothing else; `of_*` turn
what they found into answers with their evidence; :mod:`openvmi.report.audit` prints. The questions are in `table`.
"""
