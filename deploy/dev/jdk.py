"""Finding a Java Development Kit that is new enough, wherever it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.dev.errors import MissingTool

MINIMUM_MAJOR = 21
"""Elasticsearch 9 runs on Java 21 and later; Kafka 4 on 17 and later."""

_PLACES = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*jdk*",
    "/usr/local/*jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
)
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Jdk:
    """A JDK: its folder and the major number of its version."""

    home: Path
    major: int

    @property
    def java(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def javac(self) -> str:
        return str(self.home / "bin" / "javac")


def find_jdk(environ: Mapping[str, str] | None = None, places: tuple[str, ...] = _PLACES) -> Jdk:
    """The JDK of `JAVA_HOME` or `PATH` when it is new enough, else the newest one of the usual places.

    Raises:
        MissingTool: none is new enough; the text lists what was found and why it will not do.
    """
    environment = os.environ if environ is None else environ
    rejected: list[str] = []
    for home in _preferred(environment):
        jdk = _examine(home, rejected)
        if jdk is not None:
            return jdk
    seen = {home.resolve() for home in _preferred(environment)}
    found = [
        jdk
        for home in dict.fromkeys(home.resolve() for home in _installed(places))
        if home not in seen and (jdk := _examine(home, rejected)) is not None
    ]
    if found:
        return max(found, key=lambda jdk: jdk.major)
    listed = "".join(f"\n  found {text}" for text in rejected) or "\n  found none at all"
    raise MissingTool(
        f"a JDK {MINIMUM_MAJOR} or newer is needed for Kafka and Elasticsearch.{listed}\n"
        f"Install one (Debian 13: apt-get install openjdk-{MINIMUM_MAJOR}-jdk-headless; elsewhere: Temurin or any "
        "other build), or set JAVA_HOME to its folder."
    )


def _preferred(environment: Mapping[str, str]) -> Iterator[Path]:
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"])
    for program in ("javac", "java"):
        path = shutil.which(program, path=environment.get("PATH", ""))
        if path is not None:
            yield Path(path).resolve().parent.parent


def _installed(places: tuple[str, ...]) -> Iterator[Path]:
    for pattern in places:
        path = Path(os.path.expanduser(pattern))
        yield from sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _examine(home: Path, rejected: list[str]) -> Jdk | None:
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        if (home / "bin").is_dir():
            rejected.append(f"{home}: no bin/java that can be run")
        return None
    major = _major(java)
    if major is None:
        reason = "`java -version` does not work"
    elif major < MINIMUM_MAJOR:
        reason = f"Java {major} is too old"
    elif not os.access(home / "bin" / "javac", os.X_OK):
        reason = f"Java {major} without a compiler (a JRE; the JDK is needed)"
    else:
        return Jdk(home, major)
    text = f"{home}: {reason}"
    if text not in rejected:
        rejected.append(text)
    return None


def _major(java: Path) -> int | None:
    # asked of the program itself: a `release` file may be missing, or stay behind when the JDK is removed
    try:
        answer = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=30, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stderr + answer.stdout)
    return int(match.group(1)) if answer.returncode == 0 and match else None
