"""The parts of the development stack that need no service: the JDK, processes, ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.dev.errors import MissingTool
from deploy.dev.jdk import find_jdk
from deploy.dev.processes import ProcessId, free_port, listens, port_is_free, spawn
from deploy.dev.settings import prometheus_config


def make_jdk(folder: Path, version: str, *, compiler: bool = True, exit_code: int = 0) -> Path:
    """A folder like a JDK's whose `java` answers `-version` as the real one does."""
    programs = {"java": f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\nexit {exit_code}\n"}
    if compiler:
        programs["javac"] = "#!/bin/sh\n"
    (folder / "bin").mkdir(parents=True)
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    return folder


def path_to(*homes: Path) -> str:
    return os.pathsep.join([*(str(home / "bin") for home in homes), "/usr/bin", "/bin"])


def test_java_home_wins_when_it_is_new_enough(tmp_path: Path) -> None:
    make_jdk(tmp_path / "jvm" / "newest", "30")
    home = make_jdk(tmp_path / "mine", "21.0.2")
    found = find_jdk({"JAVA_HOME": str(home), "PATH": ""}, (f"{tmp_path}/jvm/*",))
    assert (found.home, found.major) == (home, 21)


def test_an_old_java_on_the_path_is_passed_over_for_a_newer_one_elsewhere(tmp_path: Path) -> None:
    old = make_jdk(tmp_path / "old", "17.0.15")
    make_jdk(tmp_path / "jvm" / "a", "21.0.2")
    newest = make_jdk(tmp_path / "jvm" / "b", "25")
    make_jdk(tmp_path / "jvm" / "c", "1.8.0_402")
    found = find_jdk({"JAVA_HOME": str(old), "PATH": path_to(old)}, (f"{tmp_path}/jvm/*",))
    assert (found.home, found.major) == (newest, 25)


def test_what_will_not_do_is_listed_with_the_reason(tmp_path: Path) -> None:
    old = make_jdk(tmp_path / "jvm" / "old", "17.0.15")
    make_jdk(tmp_path / "jvm" / "runtime-only", "25", compiler=False)
    make_jdk(tmp_path / "jvm" / "broken", "25", exit_code=1)
    (tmp_path / "jvm" / "empty" / "bin").mkdir(parents=True)
    with pytest.raises(MissingTool) as caught:
        find_jdk({"JAVA_HOME": str(old), "PATH": str(tmp_path)}, (f"{tmp_path}/jvm/*",))
    text = str(caught.value)
    assert text.count(f"{old}: Java 17 is too old") == 1
    assert "Java 25 without a compiler" in text
    assert "`java -version` does not work" in text
    assert "no bin/java that can be run" in text
    assert "JAVA_HOME" in text and "apt-get install" in text


def test_no_java_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="found none at all"):
        find_jdk({"PATH": str(tmp_path)}, (f"{tmp_path}/jvm/*",))


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        identity = ProcessId.of(child.pid)
        assert identity is not None and identity.is_alive()
        assert not ProcessId(child.pid, identity.started + "1").is_alive()
        ProcessId(child.pid, "another start").kill()
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
    assert not identity.is_alive()
    assert ProcessId.of(child.pid) is None


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    identity = spawn([sys.executable, "-c", script], log=log, folder=tmp_path, environment=os.environ)
    while "on" not in log.read_text(encoding="utf-8"):
        assert identity.is_alive()
    identity.stop(grace_seconds=0.2)
    assert not identity.is_alive()


def test_a_program_that_is_not_there_is_a_clear_fault(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="cannot run /nowhere/kafka"):
        spawn(["/nowhere/kafka"], log=tmp_path / "log", folder=tmp_path, environment={})


def test_ports_are_free_distinct_and_told_from_taken_ones() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(map(port_is_free, ports))
    with socket.create_server(("127.0.0.1", ports[0])):
        assert not port_is_free(ports[0])
        assert listens(os.getpid(), ports[0])
        assert not listens(os.getppid(), ports[0])
    assert not listens(os.getpid(), ports[0])


def test_a_path_with_a_quote_does_not_break_the_configuration(tmp_path: Path) -> None:
    import yaml

    text = prometheus_config(
        targets_file=tmp_path / "it's here: 'x'.json",
        scrape_interval_seconds=0.5,
        rule_files=(Path("/rules/a b.yml"),),
        alertmanager="127.0.0.1:1",
    )
    parsed = yaml.safe_load(text)
    assert parsed["scrape_configs"][0]["file_sd_configs"][0]["files"] == [str(tmp_path / "it's here: 'x'.json")]
    assert parsed["rule_files"] == ["/rules/a b.yml"]
    assert parsed["global"]["scrape_interval"] == "500ms"
