"""Bad configuration: every fault is listed at once, with its file and line."""

from pathlib import Path

import pytest

from agent.config_files import Faults, load_list
from agent.errors import ConfigError
from agent.settings import CollectSettings, Settings, load_settings

BAD = """\
kafka:
  bootstrap_server: x
  partitions: lots
collect:
  concurrency: 0
  allow_private_hosts: [a, 3]
store: 5
store: {}
"""


def faults_of(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[tuple[int, str]]:
    (tmp_path / "rasad.yaml").write_text(text, encoding="utf-8")
    faults = Faults()
    load_settings(tmp_path, faults, environ or {})
    return [(fault.line, fault.message) for fault in sorted(faults.found)]


def test_every_fault_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    found = faults_of(tmp_path, BAD)
    assert [line for line, _ in found] == [2, 3, 5, 6, 7, 8]
    messages = dict(found)
    assert "did you mean 'bootstrap_servers'" in messages[2]
    assert "int" in messages[3] and "kafka.partitions" in messages[3]
    assert ">= 1" in messages[5]
    assert "collect.allow_private_hosts.1" in messages[6]
    assert "given twice" in messages[8]


def test_all_faults_are_raised_together(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text(BAD, encoding="utf-8")
    faults = Faults()
    load_settings(tmp_path, faults, {"RASAD_NOWHERE__KEY": "1"})
    with pytest.raises(ConfigError) as caught:
        faults.check()
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith("7 faults")
    assert "rasad.yaml:3" in str(caught.value) and "RASAD_NOWHERE__KEY" in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "\t- x", "a: b: c", "%", "&a [*a]", "- 1", "just words"])
def test_what_is_no_settings_file_is_one_fault_not_a_traceback(tmp_path: Path, text: str) -> None:
    assert faults_of(tmp_path, text)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_bytes(b"log:\n  level: \xff\xfe\n")
    faults = Faults()
    load_settings(tmp_path, faults, {})
    assert "UTF-8" in faults.found[0].message


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    faults = Faults()
    load_settings(tmp_path / "nowhere", faults, {})
    assert "--config" in faults.found[0].message


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text("kafka: {partitions: 3}\n", encoding="utf-8")
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    faults = Faults()
    settings = load_settings(
        tmp_path,
        faults,
        {
            "RASAD_KAFKA__PARTITIONS": "12",
            "RASAD_METRICS__PORT": "",
            "RASAD_COLLECT__ALLOW_PRIVATE_HOSTS": "127.0.0.1, ::1",
            "RASAD_ELASTICSEARCH__PASSWORD_FILE": str(tmp_path / "secret"),
        },
    )
    assert not faults.found
    assert settings.kafka.partitions == 12
    assert settings.metrics.port is None
    assert settings.collect.allow_private_hosts == ("127.0.0.1", "::1")
    assert settings.elasticsearch.password == "s3cret"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RASAD_KAFKA__PARTITIONS", "0"),
        ("RASAD_KAFKA__PARTITONS", "1"),
        ("RASAD_ELASTICSEARCH__PASSWORD_FILE", "/nowhere"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    found = faults_of(tmp_path, "", {name: value})
    assert len(found) == 1


def test_secrets_stay_out_of_the_messages(tmp_path: Path) -> None:
    found = faults_of(tmp_path, "elasticsearch: {password: [hunter2]}")
    assert found and "hunter2" not in found[0][1]


def test_lists_keep_the_good_items_and_name_the_bad_ones(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- {concurrency: 3}\n- {concurrency: -1}\n- {concurrency: 5}\n", encoding="utf-8")
    faults = Faults()
    items = load_list(path, CollectSettings, faults)
    assert [item.concurrency for item, _ in items] == [3, 5]
    assert [fault.line for fault in faults.found] == [2]


def test_defaults_are_a_whole_configuration(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text("", encoding="utf-8")
    faults = Faults()
    assert load_settings(tmp_path, faults, {}) == Settings()
    assert not faults.found


def test_a_list_that_claims_to_be_text_is_a_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "kafka:\n  bootstrap_servers: !!str [a, b]\n")
