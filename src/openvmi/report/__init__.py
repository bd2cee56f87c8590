# SPDX-License-Identifier: MIT
"""Turning what the toolkit knows into JSON and into text. Nothing here decides anything."""
