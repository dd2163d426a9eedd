"""The command line as a whole: every command there, with help and an example, and errors as one clear message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent import cli
from agent.errors import ConfigError, ConfigFault, ServiceUnavailable

CONTEXT = click.Context(cli.main_group, info_name="rasad")


def rasad(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


def leaf_commands() -> list[tuple[str, click.Command]]:
    found = []
    for name in cli.COMMANDS:
        command = cli.main_group.get_command(CONTEXT, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [
                (f"{name} {child}", command.get_command(CONTEXT, child)) for child in command.list_commands(CONTEXT)
            ]
        else:
            found.append((name, command))
    return [(name, command) for name, command in found if command is not None]


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_is_there(name: str) -> None:
    command = cli.main_group.get_command(CONTEXT, name)
    assert command is not None and command.help


def test_every_command_shows_an_example() -> None:
    missing = [
        name
        for name, command in leaf_commands()
        if "rasad" not in f"{command.epilog or ''} {(command.help or '').partition('Example')[2]}"
    ]
    assert not missing, f"no example in the help of: {missing}"


def test_help_lists_them_all() -> None:
    done = rasad("--help")
    assert done.returncode == 0
    assert all(f"  {name}" in done.stdout for name in cli.COMMANDS)


def test_an_unknown_command_names_the_nearest() -> None:
    done = rasad("serch")
    assert done.returncode == 2
    assert "search" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError([ConfigFault("f.yaml", 3, "wrong")]), 2), (ServiceUnavailable("Kafka at h:1 does not answer"), 3)],
)
def test_our_errors_are_one_message_and_an_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.main_group, "main", fail)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == code
    assert str(error) in capsys.readouterr().err


def test_faults_in_the_configuration_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text("kafka: {partitions: many}\nstore: {knd: sqlite}\n", encoding="utf-8")
    done = rasad("enrich", "--config", str(tmp_path), stdin='{"id": "1", "title": "t"}\n')
    assert done.returncode == 2
    assert "rasad.yaml:1" in done.stderr and "rasad.yaml:2" in done.stderr and "2 faults" in done.stderr
    assert not done.stdout


def test_arabic_comes_out_right_without_a_locale(tmp_path: Path) -> None:
    (tmp_path / "topics").mkdir()  # of the shipped ones, whose reading takes seconds, nothing is needed
    done = rasad(
        "enrich",
        "--config",
        str(tmp_path),
        stdin='{"id": "1", "title": "تطبيع"}\n',
        LC_ALL="C",
        LANG="C",
        PYTHONUTF8="0",
    )
    assert done.returncode == 0 and "تطبيع" in done.stdout
