# SPDX-License-Identifier: MIT
"""The errors that the toolkit raises on purpose.

Every message says what was found and where, what was expected, and what to do about it. The command line turns each
class into an exit status (:mod:`openvmi.status`); anything else that escapes is a bug in the toolkit.
"""


class OpenVmiError(Exception):
    """Root of the tree. Raised as such for what the tool itself could not do."""


class UsageError(OpenVmiError):
    """The command or configuration asks for something that does not exist or does not fit together."""


class BadFileError(OpenVmiError):
    """A file's bytes are not what its format demands."""


class BadRomError(BadFileError):
    """A ROM image breaks the ROM format."""


class BadGuestError(BadFileError):
    """A guest image is neither an ELF file that this interface can boot nor a bzImage."""


class AbiError(BadFileError):
    """The interface definition, or a file generated from it, is wrong or stale."""


class RefusedError(OpenVmiError):
    """Guest, ROM, hypervisor or policy do not go together; each of them is in order."""


class BuildError(OpenVmiError):
    """A ROM or guest cannot be built from these sources."""


class UnavailableError(OpenVmiError):
    """What would be needed is not installed or not usable on this machine."""
