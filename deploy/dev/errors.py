"""What can go wrong with the development stack. Every message says what to do next.

DevStackError
├── MissingTool     a program or a Python package is not installed, or too old
├── FetchFailed     Maven or the Java compiler failed
├── PortTaken       another process holds a port that has to be this one
└── ServiceFailed   a service died, or did not become ready in time
"""

from __future__ import annotations


class DevStackError(Exception):
    """Base of all of them; the launcher prints its text and exits 1."""


class MissingTool(DevStackError):
    """Something has to be installed first."""


class FetchFailed(DevStackError):
    """The jars could not be fetched, or the Java sources not compiled."""


class PortTaken(DevStackError):
    """A port is held by somebody else."""


class ServiceFailed(DevStackError):
    """A service ended, or never became ready. The text carries the end of its log."""
