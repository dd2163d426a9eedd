"""Feeds of alerts: open to whoever has the address, and nothing else of the folder is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.web.access import User, hash_password
from tests.unit.web.serving import Make

TOKEN = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    feeds = tmp_path / "var" / "alerts"
    feeds.mkdir(parents=True)
    (feeds / f"reader-{TOKEN}.atom").write_text("<feed/>", encoding="utf-8")
    (feeds / f"reader-{TOKEN}.json").write_text("{}", encoding="utf-8")
    (feeds / "open.atom").write_text("<feed/>", encoding="utf-8")
    (tmp_path / "var" / f"secret-{TOKEN}.json").write_text("{}", encoding="utf-8")
    return feeds


async def test_a_reader_needs_the_address_and_no_log_in(site: Make, folder: Path) -> None:
    served = await site(users=[User(name="layla", password=hash_password("right horse"))])
    answer = await served.get(f"/alert-feeds/reader-{TOKEN}.atom")
    assert (answer.status, answer.text) == (200, "<feed/>")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert (
        (await served.get(f"/alert-feeds/reader-{TOKEN}.json"))
        .headers["content-type"]
        .startswith("application/feed+json")
    )
    again = await served.get(f"/alert-feeds/reader-{TOKEN}.atom", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert (await served.get("/")).status == 303


@pytest.mark.parametrize(
    "name",
    ["open.atom", "reader-fedcba9876543210.atom", f"reader-{TOKEN}.txt", f"..%2fsecret-{TOKEN}.json", f"%2e%2e/secret-{TOKEN}.json",
     f"reader-{TOKEN}.atom%00", "", f"reader-{TOKEN[:8]}.atom"],
)  # fmt: skip
async def test_nothing_else_is_served(site: Make, folder: Path, name: str) -> None:
    served = await site(users=[User(name="layla", password=hash_password("right horse"))])
    assert (await served.get(f"/alert-feeds/{name}")).status in (303, 404)
