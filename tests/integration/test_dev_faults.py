"""The development stack when something goes wrong: real processes throughout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.dev import jars, service
from deploy.dev.errors import DevStackError, PortTaken, ServiceFailed
from deploy.dev.jdk import find_jdk
from deploy.dev.processes import ProcessId, free_port
from deploy.dev.service import Service
from deploy.dev.services import Alertmanager, Prometheus, http
from deploy.dev.stack import PROJECT, Stack

pytestmark = pytest.mark.services

SILENT: Callable[[str], None] = lambda _text: None  # noqa: E731


def dev(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the launcher as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.dev", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def left_over(folder: Path) -> list[int]:
    """Processes that have the folder on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in part for part in line):
            found.append(process.pid)
    return found


def until(condition: Callable[[], bool], what: str, timeout_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack.temporary() as one:
        yield one


# --- up and down ------------------------------------------------------------------------------------------------------


def test_up_twice_and_down_twice(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces"
    common = ("--data", str(folder), "--json")
    both = ("--only", "prometheus,alertmanager")
    try:
        first = json.loads(dev("up", *both, *common).stdout)["services"]
        second = json.loads(dev("up", *both, *common).stdout)["services"]
        assert {name: about["state"] for name, about in first.items()} == {
            "prometheus": "ready",
            "alertmanager": "ready",
        }
        assert {name: about["pid"] for name, about in first.items()} == {
            name: about["pid"] for name, about in second.items()
        }
        assert http("GET", f"{first['prometheus']['address']}/-/ready")
        assert dev("status", *common).returncode == 0

        assert sorted(json.loads(dev("down", *common).stdout)["ended"]) == ["alertmanager", "prometheus"]
        again = dev("down", *common)
        assert (again.returncode, json.loads(again.stdout)["ended"]) == (0, [])
        assert dev("status", *common).returncode == 3
        assert (folder / "prometheus" / "data").is_dir(), "a named folder keeps its data"
    finally:
        dev("down", *common)
    assert left_over(folder) == []


def test_two_ups_at_once_start_one_of_each(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    command = [sys.executable, "-m", "deploy.dev", "up", "--only", "alertmanager", "--json", "--data", str(folder)]
    ups = [
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(3)
    ]
    try:
        said = [json.loads(up.communicate(timeout=120)[0]) for up in ups]
        assert len({about["services"]["alertmanager"]["pid"] for about in said}) == 1
        assert len(left_over(folder / "alertmanager")) == 1
    finally:
        dev("down", "--data", str(folder))
    assert left_over(folder) == []


def test_down_of_one_service_leaves_the_other(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")
    try:
        stack.up(["prometheus", "alertmanager"])
        assert stack.down(["prometheus"]) == ["prometheus"]
        assert {name: about["state"] for name, about in stack.status().items()} == {
            "prometheus": "stopped",
            "alertmanager": "ready",
        }
        assert list(stack.up(["prometheus"])) == ["prometheus"]
        assert stack.status()["prometheus"]["state"] == "ready"
    finally:
        stack.close()


def test_prometheus_of_a_stack_knows_its_alertmanager(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")
    try:
        services = stack.up(["prometheus", "alertmanager"])
        prometheus, alertmanager = services["prometheus"], services["alertmanager"]
        known: list[str] = []

        def knows() -> bool:
            answer = http("GET", f"{prometheus.address}/api/v1/alertmanagers")
            known[:] = [one["url"] for one in answer["data"]["activeAlertmanagers"]]
            return bool(known)

        until(knows, "Prometheus found no Alertmanager")
        assert known == [f"{alertmanager.address}/api/v2/alerts"]
    finally:
        stack.close()


def test_a_folder_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = dev("up", "--only", "alertmanager", "--data", str(tmp_path))
    assert answer.returncode == 1
    assert "neither empty nor a development stack's" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_down_signals_no_stranger_that_got_the_number(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        stack = Stack(tmp_path / "stack")
        state = {"process": {"pid": stranger.pid, "started": "another boot:1"}, "ports": {"http": free_port()}}
        folder = stack.folder / "alertmanager"
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
        assert stack.status()["alertmanager"]["state"] == "stopped"
        assert stack.down() == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")
    (stack.folder / "alertmanager").mkdir()
    (stack.folder / "alertmanager" / "state.json").write_text('{"process": 3', encoding="utf-8")
    answer = dev("down", "--data", str(stack.folder))
    assert answer.returncode == 1
    assert "state.json is damaged" in answer.stderr


# --- nothing is left --------------------------------------------------------------------------------------------------


def test_a_killed_owner_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom deploy.dev.stack import Stack\nstack = Stack.temporary()\n"
        "print(stack.folder, stack.alertmanager().pid, flush=True)\ntime.sleep(600)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        folder_text, pid_text = owner.stdout.readline().split()
        folder, process = Path(folder_text), ProcessId.of(int(pid_text))
        assert process is not None and folder.is_dir()
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close() if owner.stdout else None
    until(lambda: not process.is_alive() and not folder.exists(), "the stack outlived its owner")
    # The guard removes the folder and then ends: that too takes a moment.
    until(lambda: left_over(folder) == [], "something of the stack outlived its owner")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_up_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "stack"
    up = subprocess.Popen(
        [sys.executable, "-m", "deploy.dev", "up", "--only", "kafka,elasticsearch", "--data", str(folder)],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: len(left_over(folder)) >= 2, "nothing was started")  # the launcher itself and a first service
    up.send_signal(number)
    _, errors = up.communicate(timeout=200)
    assert up.returncode == 128 + number, errors
    assert left_over(folder) == []
    assert "Traceback" not in errors


def test_a_service_that_ends_while_it_starts_shows_its_last_words(stack: Stack) -> None:
    with pytest.raises(ServiceFailed, match=r"(?s)alertmanager ended while it started.*nonsense"):
        stack.alertmanager(config="nonsense: true\n")
    assert left_over(stack.folder / "alertmanager-1") == []


def test_one_that_fails_takes_back_only_what_this_up_had_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack")
    try:
        before = stack.up(["alertmanager"])["alertmanager"]
        (stack.folder / "prometheus").mkdir()
        (stack.folder / "prometheus" / "data").write_text("a file where a folder has to be", encoding="utf-8")
        with pytest.raises(ServiceFailed, match="prometheus ended while it started"):
            stack.up(["alertmanager", "prometheus"])
        assert before.is_running
        assert stack.status()["prometheus"]["state"] == "stopped"
    finally:
        stack.close()


def test_a_service_that_is_not_ready_in_time_is_ended(stack: Stack) -> None:
    broker = stack.kafka()
    broker.stop()
    with pytest.raises(ServiceFailed, match="kafka was not ready in time; still awaited: port"):
        broker.start(timeout_seconds=0.2)
    assert left_over(broker.folder) == []
    broker.start()
    assert broker.check() is None


# --- ports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kafka", "elasticsearch", "prometheus", "alertmanager"])
def test_a_port_lost_in_the_race_is_replaced(stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The check says free, then another process is faster: the service really runs into the taken port."""
    with socket.create_server(("127.0.0.1", 0)) as rival:
        taken = rival.getsockname()[1]
        offered = [taken]
        monkeypatch.setattr(service, "free_port", lambda: offered.pop() if offered else free_port())
        one: Service = getattr(stack, name)()
        assert not offered, "the taken port was never tried"
        assert taken not in one.ports.values()
        assert one.check() is None


def test_a_service_that_has_to_come_back_says_who_is_in_the_way(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    one = stack.alertmanager()
    address, port = one.url, one.ports["http"]
    one.kill()
    monkeypatch.setattr(service, "_FREED_PORT_SECONDS", 0.3)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTaken, match=f"alertmanager has to come back at port {port}"),
    ):
        one.start()
    one.start()
    assert one.url == address


def test_a_stranger_at_the_port_does_not_pass_for_the_service(stack: Stack) -> None:
    first, second = stack.alertmanager(), stack.alertmanager()
    second.kill()
    second.ports = dict(first.ports)
    with pytest.raises(PortTaken):
        second._launch()
        second._await_ready(time.monotonic() + 30, 0, SILENT)
    second.kill()
    assert first.check() is None


# --- tools and the cache ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "package"), [("prometheus", "prometheus"), ("alertmanager", "prometheus-alertmanager")]
)
def test_a_missing_program_is_named_with_its_package(tmp_path: Path, only: str, package: str) -> None:
    answer = dev("up", "--only", only, "--data", str(tmp_path / "stack"), PATH=str(tmp_path))
    assert answer.returncode == 1
    assert f"apt-get install {package}\n" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_without_maven_and_jars_the_launcher_says_so(tmp_path: Path) -> None:
    java_home = str(find_jdk().home)
    environment = {"PATH": str(tmp_path), "JAVA_HOME": java_home, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    answer = dev("up", "--only", "kafka", "--data", str(tmp_path / "stack"), **environment)
    assert answer.returncode == 1
    assert "apt-get install maven" in answer.stderr


def test_a_maven_that_fails_shows_its_last_words_and_leaves_no_half_cache(tmp_path: Path) -> None:
    pom = tmp_path / "pom.xml"
    text = (PROJECT / "deploy" / "dev" / "pom.xml").read_text(encoding="utf-8")
    pom.write_text(text.replace("<kafka.version>", "<kafka.version>no-such-"), encoding="utf-8")
    with pytest.raises(DevStackError, match=r"(?s)could not fetch the jars of kafka.*no-such-"):
        jars.prepare(find_jdk(), SILENT, cache=tmp_path / "cache", pom=pom)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_broken_cache_is_made_again_once(tmp_path: Path) -> None:
    """A fetch that was killed, two that want the cache at once, then a jar cut short and one gone."""
    cache = tmp_path / "rasad" / "dev-stack"
    fetch = [sys.executable, "-c", _FETCH]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            fetch, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    killed = start()
    until(lambda: any(cache.glob("jars-*.part/kafka/*.jar")), "no jar was fetched", 600.0)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert list(cache.glob("*.part")), "the killed one left its half behind, which this test is about"

    both = [start(), start()]
    said = [process.communicate(timeout=900)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(text.count("fetching the jars of kafka") for text in said) == [0, 1]
    assert not list(cache.glob("*.part"))

    whole = jars.prepare(find_jdk(), SILENT, cache=cache)
    victims = whole.kafka[5], whole.elasticsearch[5]
    expected = [victim.read_bytes() for victim in victims]
    victims[0].write_bytes(expected[0][: len(expected[0]) // 2])
    victims[1].unlink()
    told: list[str] = []
    again = jars.prepare(find_jdk(), told.append, cache=cache)
    assert any("the cache is damaged" in text and victims[0].name in text for text in told)
    assert again == whole
    assert [victim.read_bytes() for victim in victims] == expected


_FETCH = """
from deploy.dev.jars import prepare
from deploy.dev.jdk import find_jdk
prepare(find_jdk(), lambda text: print(text, flush=True))
"""


def test_a_class_data_archive_that_does_not_fit_is_only_not_used(tmp_path: Path) -> None:
    from deploy.dev.services import Kafka

    prepared = jars.prepare(find_jdk(), SILENT)
    folder = tmp_path / "built"
    shutil.copytree(prepared.folder, folder, ignore=shutil.ignore_patterns("archives"))
    (folder / "archives").mkdir()
    (folder / "archives" / "kafka.jsa").write_bytes(b"not an archive")
    broker = Kafka(
        tmp_path / "kafka",
        jars.Jars(prepared.jdk, folder, prepared.kafka, prepared.elasticsearch, prepared.elasticsearch_home),
    )
    broker.start()
    try:
        assert broker.check() is None
    finally:
        broker.stop()


def test_query_faults_reach_the_caller(prometheus: Callable[..., Prometheus], alertmanager: Alertmanager) -> None:
    one = prometheus([alertmanager.url.removeprefix("http://")])
    with pytest.raises(OSError, match="HTTP 400"):
        one.query("not PromQL (")
    with pytest.raises(TimeoutError, match="alertmanager_build_info"):
        one.wait_for("alertmanager_build_info == 77", timeout_seconds=0.3)
