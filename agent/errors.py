"""Everything Rasad raises on purpose.

    RasadError                  one clear line for the user; exit code in `exit_code`
    ├── UsageError              the command was called wrongly                                   2
    ├── ConfigError             the configuration is wrong; carries every fault found            2
    ├── ServiceUnavailable      Kafka, Elasticsearch … cannot be reached                         3
    └── DataError               an input file is not what it should be                           1

The stages have their own, in `streams`: `CodecError`, `QueryError`, `Rejected` (a value, not an exception).
"""

from __future__ import annotations

from dataclasses import dataclass


class RasadError(Exception):
    """Base of all errors that are shown to the user as one line, without a traceback."""

    exit_code = 1


class UsageError(RasadError):
    """The command was called with arguments that do not fit together."""

    exit_code = 2


class ServiceUnavailable(RasadError):
    """A service that is needed cannot be reached; the message says which, where, and what to do."""

    exit_code = 3


class DataError(RasadError):
    """An input file is not what the command reads."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class ConfigFault:
    """One fault in a configuration file."""

    path: str
    line: int
    """1-based; 0 where the fault is of the file as a whole."""
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


class ConfigError(RasadError):
    """The configuration has faults: all of them, in file order."""

    exit_code = 2

    def __init__(self, faults: list[ConfigFault]) -> None:
        self.faults = sorted(set(faults))
        count = len(self.faults)
        heading = f"{count} fault{'s' if count != 1 else ''} in the configuration; nothing was started:"
        super().__init__("\n".join([heading, *(f"  {fault}" for fault in self.faults)]))
