# SPDX-License-Identifier: MIT
"""The contract as an abstract machine: what abi/ says of each call, in plain Python, without any hypervisor.

Where the contract permits several results, the machine takes each of them in turn.
"""
