"""The jars of Kafka and Elasticsearch, and our few Java classes: fetched and compiled once, kept in the user's cache.

    ~/.cache/rasad/dev-stack/           ($XDG_CACHE_HOME where that is set)
        jars-<hash of pom.xml>/         kafka/ elasticsearch/ elasticsearch-http/ manifest.json
        built-<hash of that, of the Java sources and of the JDK>/   launch.jar home/modules/… manifest.json
            archives/                   class-data archives (deploy/dev/archives.py), which may be missing

A folder is made under another name and renamed when it is whole, and each holds the SHA-256 of every file in it, so a
folder that a crash, a full disk or a hand left broken is noticed and made again. One process makes it, the others wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.dev.errors import FetchFailed, MissingTool
from deploy.dev.jdk import Jdk

HERE = Path(__file__).resolve().parent
PROFILES = ("kafka", "elasticsearch", "elasticsearch-http")
_MANIFEST = "manifest.json"
_FETCH_TIMEOUT_SECONDS = 900.0

Say = Callable[[str], None]
"""Takes one short line on what is going on."""


@dataclass(frozen=True, slots=True)
class Jars:
    """What a Java service is started with. Class paths are sorted: class-data archives depend on the order."""

    jdk: Jdk
    folder: Path
    kafka: tuple[Path, ...]
    elasticsearch: tuple[Path, ...]
    elasticsearch_home: Path

    def archive(self, service: str) -> Path:
        """Where the service's class-data archive is, or would be."""
        return self.folder / "archives" / f"{service}.jsa"


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG specification: a relative path is to be ignored
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "rasad" / "dev-stack"


def prepare(jdk: Jdk, say: Say, *, cache: Path | None = None, pom: Path = HERE / "pom.xml") -> Jars:
    """Fetches and compiles what is not in the cache yet.

    Raises:
        MissingTool: Maven is not installed and the jars are not in the cache.
        FetchFailed: Maven or javac failed; the end of their output is in the text.
    """
    root = cache_folder() if cache is None else cache
    root.mkdir(parents=True, exist_ok=True)
    sources = sorted((HERE / "java").rglob("*.java"))
    pom_hash = _digest(pom.read_bytes())
    jars = root / f"jars-{pom_hash}"
    source_text = b"".join(source.read_bytes() for source in sources)
    built = root / f"built-{_digest(pom_hash.encode(), source_text, f'{jdk.home} {jdk.major}'.encode(), b'1')}"
    if not (_is_whole(jars) and _is_whole(built)):
        with locked(root / "lock", say):
            if not _is_whole(jars, say):
                _replace(jars, lambda folder: _fetch(folder, pom, jdk, say))
                # class-data archives remember the jars' times, so what was built on the old ones is of no use
                shutil.rmtree(built, ignore_errors=True)
            if not _is_whole(built, say):
                _replace(built, lambda folder: _build(folder, jars, sources, pom, jdk, say))
    launch = built / "launch.jar"
    return Jars(
        jdk=jdk,
        folder=built,
        kafka=(launch, *sorted((jars / "kafka").glob("*.jar"))),
        elasticsearch=(launch, *sorted((jars / "elasticsearch").glob("*.jar"))),
        elasticsearch_home=built / "home",
    )


@contextlib.contextmanager
def locked(path: Path, say: Say) -> Iterator[None]:
    """Holds a lock file; the system lets it go with the process, however that ends."""
    with path.open("a", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that is at it already")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def _replace(target: Path, make: Callable[[Path], None]) -> None:
    """Makes a folder beside the target and puts it in the target's place once it is whole."""
    for stale in target.parent.glob(f"{target.name}.*.part"):
        shutil.rmtree(stale, ignore_errors=True)  # of a process that was killed: the lock is ours, so it is not at it
    part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
    try:
        make(part)
        hashes = {
            str(file.relative_to(part)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(part.rglob("*"))
            if file.is_file()
        }
        (part / _MANIFEST).write_text(json.dumps(hashes, indent=1), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _is_whole(folder: Path, say: Say | None = None) -> bool:
    try:
        manifest = (folder / _MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise FetchFailed(f"cannot read {folder / _MANIFEST}: {error.strerror}. Remove {folder}.") from error
    try:
        hashes = json.loads(manifest)
        broken = [name for name, digest in hashes.items() if _sha256(folder / name) != digest]
    except (ValueError, AttributeError):
        broken = [_MANIFEST]
    if broken and say is not None:
        say(f"the cache is damaged ({', '.join(broken[:3])}): making it again")
    return not broken


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return ""


def _fetch(folder: Path, pom: Path, jdk: Jdk, say: Say) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingTool("Maven is needed to fetch the jars of Kafka and Elasticsearch (once): apt-get install maven")
    environment = {**os.environ, "JAVA_HOME": str(jdk.home)}
    for number, profile in enumerate(PROFILES, 1):
        say(f"fetching the jars of {profile} ({number} of {len(PROFILES)}; about 85 MB in all, once)")
        # --strict-checksums: a damaged download fails here instead of as a strange error of the service
        command = [maven, "--batch-mode", "--strict-checksums", "--file", str(pom), "--activate-profiles", profile]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={folder / profile}", "-DincludeScope=runtime"]
        _run(command, environment, f"Maven could not fetch the jars of {profile}", folder)
        jars = list((folder / profile).glob("*.jar"))
        if not jars:
            raise FetchFailed(f"Maven fetched nothing for the profile {profile} of {pom}")
        for jar in jars:
            _check_jar(jar)


def _check_jar(jar: Path) -> None:
    try:
        with zipfile.ZipFile(jar) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        damaged = "its index"
    if damaged is not None:
        repository = Path.home() / ".m2" / "repository"
        raise FetchFailed(
            f"{jar.name} is damaged ({damaged}) in Maven's own store: remove its folder under {repository} and "
            "run again"
        )


def _build(folder: Path, jars: Path, sources: list[Path], pom: Path, jdk: Jdk, say: Say) -> None:
    say("compiling the Java launcher and the Elasticsearch module (once)")
    classes = folder / "classes"
    class_path = f"{jars / 'kafka'}/*{os.pathsep}{jars / 'elasticsearch'}/*"
    command = [jdk.javac, "--release", "21", "-proc:none", "-nowarn", "-d", str(classes), "-cp", class_path]
    _run([*command, *map(str, sources)], dict(os.environ), "javac failed", folder)
    _make_jar(folder / "launch.jar", classes, "rasad/dev/launch")
    modules = folder / "home" / "modules"
    ours, http = modules / "rasad-dev", modules / "transport-netty4"
    ours.mkdir(parents=True)
    _make_jar(ours / "rasad-dev.jar", classes, "rasad/dev/module")
    shutil.copytree(jars / "elasticsearch-http", http)
    version = _elasticsearch_version(pom)
    _describe(ours, "rasad.dev.module.DevModule", "GET / and the language analysis of a distribution", version)
    _describe(http, "org.elasticsearch.transport.netty4.Netty4Plugin", "HTTP and transport", version)
    shutil.rmtree(classes)


def _make_jar(target: Path, classes: Path, package: str) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as jar:
        for file in sorted((classes / package).rglob("*.class")):
            jar.write(file, file.relative_to(classes))


def _describe(module: Path, class_name: str, description: str, version: str) -> None:
    lines = {
        "name": module.name,
        "description": description,
        "version": version,
        "elasticsearch.version": version,
        "java.version": "21",
        "classname": class_name,
        "extended.plugins": "",
        "has.native.controller": "false",
    }
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    (module / "plugin-descriptor.properties").write_text(text, encoding="utf-8")


def _elasticsearch_version(pom: Path) -> str:
    match = re.search(r"<elasticsearch\.version>([^<]+)<", pom.read_text(encoding="utf-8"))
    if match is None:
        raise FetchFailed(f"{pom} names no <elasticsearch.version>")
    return match.group(1)


def _run(command: list[str], environment: dict[str, str], failure: str, folder: Path) -> None:
    started = time.monotonic()
    try:
        answer = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_FETCH_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{failure}: no end after {time.monotonic() - started:.0f} s") from error
    if answer.returncode != 0:
        tail = "\n".join(f"  {line}" for line in answer.stdout.strip().splitlines()[-12:])
        raise FetchFailed(f"{failure} (exit code {answer.returncode}); its last words:\n{tail}")
