"""Ends a temporary stack when the process that made it is gone, however it went (`kill -9` of a test run, say).

Started by `Stack.temporary()` with a pipe as standard input; the pipe closes with the process that holds the other end.
"""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

from deploy.dev.stack import Stack


def main(folder: Path) -> None:
    # a Ctrl-C, or the end of the terminal, is for the process that is guarded; the pipe tells what came of it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    if folder.is_dir():
        for service in Stack(folder, temporary=True).services().values():
            service.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
