"""The launcher: `python -m deploy.dev up|down|status|fetch`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from deploy.dev.errors import DevStackError
from deploy.dev.stack import SERVICES, Stack, default_folder, fetch


class _Progress:
    """One line on a terminal, redrawn as things move; one line a change elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._lock = threading.Lock()
        self._lines: dict[str, str] = {}
        self._started = time.monotonic()
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        if self._is_terminal:
            self._ticker.start()

    def __call__(self, who: str, text: str) -> None:
        elapsed_seconds = time.monotonic() - self._started
        with self._lock:
            if self._is_terminal:
                self._lines[who] = f"{text} ({elapsed_seconds:.1f} s)" if text == "ready" else text
                self._draw()
            else:
                print(f"[{elapsed_seconds:5.1f} s] {who}: {text}", file=self._stream, flush=True)

    def close(self) -> None:
        with self._lock:
            if self._is_terminal and not self._stopped.is_set():
                self._stopped.set()
                self._stream.write("\r\x1b[K")
                self._stream.flush()

    def _tick(self) -> None:
        while not self._stopped.wait(0.2):
            with self._lock:
                if not self._stopped.is_set():
                    self._draw()

    def _draw(self) -> None:
        elapsed_seconds = time.monotonic() - self._started
        spinner = "|/-\\"[int(elapsed_seconds * 5) % 4]
        moving = [f"{who}: {text}" for who, text in self._lines.items() if who != "setup" or len(self._lines) == 1]
        line = f"{spinner} {elapsed_seconds:4.1f} s  {'   '.join(moving)}"
        self._stream.write(f"\r\x1b[K{line[:110]}")
        self._stream.flush()


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # these must take the same way out as Ctrl-C: what was started half-way is ended
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    progress = _Progress(sys.stderr)
    try:
        if options.command == "fetch":
            fetch(lambda text: progress("setup", text))
            return 0
        named: Path | None = options.data
        folder = default_folder() if named is None else named.resolve()
        if options.command != "up" and not folder.is_dir():
            return _report({}, folder, options)
        stack = Stack(folder, temporary=named is None, full_jit=getattr(options, "full_jit", False), progress=progress)
        if options.command == "up":
            stack.up(options.only or SERVICES, targets=options.scrape)
        elif options.command == "down":
            ended = stack.down(options.only)
            progress.close()
            if options.json:
                print(json.dumps({"folder": str(folder), "ended": ended}))
            else:
                print(f"ended: {', '.join(ended)}" if ended else "nothing was running")
            return 0
        status = stack.status()
        progress.close()
        return _report(status, folder, options)
    except DevStackError as error:
        progress.close()
        print(f"rasad-dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.close()
        print("rasad-dev: stopped; what this call had started was ended", file=sys.stderr)
        return 130
    finally:
        progress.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rasad-dev",
        description="Kafka, Elasticsearch, Prometheus and Alertmanager on 127.0.0.1, without containers.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "start what does not run yet, wait until it is ready, print the addresses"),
        ("down", "end what was started here, and nothing else"),
        ("fetch", "fetch and compile into the user's cache what `up` would, and start nothing"),
        ("status", "show state, address, process and log of each; exit code 3 when one is not ready"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        if name == "fetch":
            continue
        command.add_argument(
            "--data", type=Path, metavar="DIR", help="keep everything in DIR (default: a temporary folder)"
        )
        command.add_argument("--json", action="store_true", help="print JSON")
        if name in ("up", "down"):
            command.add_argument("--only", type=_names, metavar="A,B", help=f"only these of {', '.join(SERVICES)}")
        if name == "up":
            command.add_argument(
                "--scrape", type=lambda text: text.split(","), metavar="HOST:PORT,…", help="what Prometheus scrapes"
            )
            command.add_argument(
                "--full-jit", action="store_true", help="JVMs at full speed instead of their fastest start (benchmarks)"
            )
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(SERVICES))
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown service {', '.join(unknown) or '(none)'}; there are {', '.join(SERVICES)}"
        )
    return names


_SETTINGS = {"kafka": "RASAD_KAFKA__BOOTSTRAP_SERVERS", "elasticsearch": "RASAD_ELASTICSEARCH__URL"}


def _report(status: Mapping[str, Mapping[str, object]], folder: Path, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps({"folder": str(folder), "services": status}, indent=2))
    elif not status:
        print("nothing is running" if options.command == "status" else "nothing was running")
    else:
        for name, about in status.items():
            where = about["address"] if about["state"] != "stopped" else "-"
            print(f"{name:<15} {about['state']!s:<9} {where!s:<24} pid {about['pid'] or '-'!s:<8} {about['log']}")
        exports = [
            f"export {variable}={status[name]['address']}"
            for name, variable in _SETTINGS.items()
            if name in status and status[name]["state"] == "ready"
        ]
        print(f"data in {folder}", *exports, sep="\n")
    faulty = any(about["state"] != "ready" for about in status.values()) or not status
    return 3 if options.command == "status" and faulty else 0


if __name__ == "__main__":
    sys.exit(main())
