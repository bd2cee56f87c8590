# SPDX-License-Identifier: MIT
"""The command line: one module for each verb, with no logic of its own. Each is imported only when it is used."""
