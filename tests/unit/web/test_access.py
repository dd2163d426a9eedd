"""Who may come in, who may change what, and what every answer is sent with."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.config_files import Faults
from agent.settings import WebSettings
from agent.web import access as access_module
from agent.web.access import Access, TooManyFailures, User, hash_password, load_access
from streams.definitions import Definitions, TopicDefinition
from tests.contract.articles import make_article
from tests.unit.web.serving import Make

FLOODS = Definitions(topics=(TopicDefinition(id="floods", name="Floods", query="flood"),))


@pytest.fixture(scope="module")
def users() -> list[User]:
    return [
        User(name="layla", role="reader", password=hash_password("right horse")),
        User(name="omer", role="editor", password=hash_password("battery")),
    ]


# --- the users file -------------------------------------------------------------------------------------------------


def faults_of(web: WebSettings) -> str:
    faults = Faults()
    load_access(web, faults)
    return "\n".join(map(str, faults.found))


def test_loopback_needs_nobody() -> None:
    assert faults_of(WebSettings()) == ""
    assert not load_access(WebSettings(), Faults()).needs_login


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_beyond_loopback_a_users_file_is_needed(host: str) -> None:
    assert "web.users_file" in faults_of(WebSettings(host=host))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: []\n", "no user"),
        ("users:\n  - {name: a, password: secret}\n", "users.yaml:2"),
        ("users:\n  - {name: a, role: king, password: '$argon2id$x'}\n", "users.yaml:2"),
        ("users:\n  - {name: a, password: '$argon2id$x'}\n  - {name: a, password: '$argon2id$x'}\n", "twice"),
        ("{[\n", "users.yaml"),
    ],
)
def test_a_faulty_users_file_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(text, encoding="utf-8")
    assert said in faults_of(WebSettings(host="0.0.0.0", users_file=str(path)))


def test_a_missing_users_file_is_told(tmp_path: Path) -> None:
    assert "there is no" in faults_of(WebSettings(users_file=str(tmp_path / "none")))


def test_a_good_users_file_lets_in(tmp_path: Path, users: list[User]) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(f"users:\n  - {{name: a, role: editor, password: '{users[0].password}'}}\n", encoding="utf-8")
    web = WebSettings(host="0.0.0.0", users_file=str(path))
    assert faults_of(web) == "" and load_access(web, Faults()).needs_login


# --- passwords and sessions -----------------------------------------------------------------------------------------


async def test_sessions_begin_end_and_expire(users: list[User]) -> None:
    now = [0.0]
    access = Access(users, clock=lambda: now[0])
    assert await access.log_in("layla", "wrong", "a") is None
    secret = await access.log_in("layla", "right horse", "a")
    assert secret and access.user_of(secret) == users[0]
    assert access.user_of(secret + "x") is None and access.user_of("") is None
    now[0] = access_module.SESSION_SECONDS + 1
    assert access.user_of(secret) is None
    now[0] = 0.0
    access.log_out(secret)
    assert access.user_of(secret) is None


async def test_guessing_is_braked_by_address_and_by_name(users: list[User]) -> None:
    now = [0.0]
    access = Access(users, clock=lambda: now[0])
    for number in range(5):
        assert await access.log_in(f"nobody{number}", "x", "10.0.0.1") is None
    with pytest.raises(TooManyFailures) as caught:
        await access.log_in("layla", "right horse", "10.0.0.1")
    assert 0 < caught.value.retry_after_seconds <= 300
    assert await access.log_in("layla", "right horse", "10.0.0.2")
    for number in range(5):
        await access.log_in("omer", "x", f"10.1.0.{number}")
    with pytest.raises(TooManyFailures):
        await access.log_in("omer", "battery", "10.2.0.1")
    now[0] = 301.0
    assert await access.log_in("omer", "battery", "10.0.0.1")


@pytest.mark.parametrize("password", ["", "\0", "ü" * 5000, "\ud800"])
async def test_odd_passwords_are_wrong_and_no_fault(users: list[User], password: str) -> None:
    assert await Access(users).log_in("layla", password, "a") is None


# --- over HTTP ------------------------------------------------------------------------------------------------------


async def test_pages_lead_to_the_log_in_and_the_api_says_401(site: Make, users: list[User]) -> None:
    served = await site([make_article(1)], users=users)
    page = await served.get("/stories?q=syria")
    assert (page.status, page.headers["Location"]) == (303, "/login?next=%2Fstories%3Fq%3Dsyria")
    for path in ("/api/v1/search", "/export.csv", "/live/events"):
        answer = await served.get(path)
        assert answer.status == 401 and "Basic" in answer.headers["WWW-Authenticate"]
    for path in ("/login", "/healthz", "/static/app.css"):
        assert (await served.get(path)).status == 200


async def test_logging_in_and_out(site: Make, users: list[User]) -> None:
    served = await site([make_article(1)], users=users)
    wrong = await served.post("/login", {"name": "layla", "password": "wrong", "next": "/topics"})
    assert wrong.status == 401 and "Set-Cookie" not in wrong.headers
    right = await served.post("/login", {"name": "layla", "password": "right horse", "next": "/topics"})
    assert (right.status, right.headers["Location"]) == (303, "/topics")
    cookie = right.headers["Set-Cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "secure" not in cookie
    page = await served.get("/")
    assert page.status == 200 and page.headers["Cache-Control"] == "no-store"
    assert (await served.post("/logout")).status == 303
    assert (await served.get("/")).status == 303


async def test_the_cookie_is_secure_behind_https(site: Make, users: list[User]) -> None:
    served = await site(users=users, web=WebSettings(port=0, public_url="https://news.example"))
    answer = await served.post("/login", {"name": "layla", "password": "right horse"})
    assert "secure" in answer.headers["Set-Cookie"].lower()
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "evil", ""]
)
async def test_logging_in_leads_nowhere_else(site: Make, users: list[User], target: str) -> None:
    served = await site(users=users)
    answer = await served.post("/login", {"name": "layla", "password": "right horse", "next": target})
    assert answer.headers["Location"] == "/"


async def test_too_many_wrong_passwords_are_429(site: Make, users: list[User]) -> None:
    served = await site(users=users)
    answers = [await served.post("/login", {"name": "x", "password": "y"}) for _ in range(6)]
    assert [a.status for a in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_programs_use_name_and_password(site: Make, users: list[User]) -> None:
    served = await site([make_article(1)], users=users)

    def basic(pair: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    assert (await served.get("/api/v1/search", headers=basic("layla:right horse"))).status == 200
    assert (await served.get("/api/v1/search", headers=basic("layla:wrong"))).status == 401
    assert (await served.get("/api/v1/search", headers={"Authorization": "Basic !!!"})).status == 401
    for _ in range(5):
        last = await served.get("/api/v1/search", headers=basic("layla:guess"))
    assert last.status == 429


async def test_readers_do_not_save(site: Make, users: list[User]) -> None:
    served = await site(users=users, definitions=FLOODS)
    await served.post("/login", {"name": "layla", "password": "right horse"})
    assert (await served.post("/topics/floods", {"query": "x"})).status == 403
    assert (await served.get("/topics/floods")).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
async def test_forms_of_other_sites_are_refused(site: Make, headers: dict[str, str], status: int) -> None:
    served = await site()
    async with served.client.post(served.url + "/logout", headers=headers, allow_redirects=False) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "a@127.0.0.1", "10.0.0.1"]
)
async def test_names_that_are_not_ours_are_refused_on_loopback(site: Make, host: str) -> None:
    served = await site()
    assert (await served.get("/", headers={"Host": host})).status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:8765"])
async def test_names_of_loopback_are_ours(site: Make, host: str) -> None:
    served = await site()
    assert (await served.get("/topics", headers={"Host": host})).status == 200


async def test_a_probe_asks_by_any_address(site: Make) -> None:
    served = await site(web=WebSettings(port=0, public_url="https://news.example/"))
    assert (await served.get("/healthz", headers={"Host": "10.1.2.3:8765"})).status == 200


async def test_the_public_name_is_ours(site: Make) -> None:
    served = await site(web=WebSettings(port=0, public_url="https://news.example/"))
    assert (await served.get("/topics", headers={"Host": "news.example"})).status == 200
    assert (await served.get("/topics", headers={"Host": "other.example"})).status == 421


async def test_every_answer_has_the_headers(site: Make) -> None:
    served = await site()
    for path in ("/", "/nothing", "/static/app.js", "/api/v1/search", "/?q=(", "/export.csv"):
        headers = (await served.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Server" not in headers
    async with served.client.put(served.url + "/", headers={"Origin": served.url}) as answer:
        assert answer.status == 405 and "Content-Security-Policy" in answer.headers


async def test_too_large_a_form_is_refused(site: Make) -> None:
    served = await site(definitions=FLOODS)
    assert (await served.post("/topics/floods", {"query": "x" * 300_000})).status == 413


def test_the_pages_hold_no_inline_script_or_style_and_mark_nothing_safe() -> None:
    folder = Path(access_module.__file__).parent / "templates"
    for path in folder.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert " style=" not in text and " onclick=" not in text and "<style" not in text, path.name
        assert all("src=" in part.split(">")[0] for part in text.split("<script")[1:]), path.name
        assert text.count("| safe") == text.count('class="copy"\' | safe') + text.count(
            'class="bad"\' | safe'
        ) + text.count("' class=first' | safe"), path.name


async def test_hash_password_is_argon2id(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("right horse\n"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["web", "--hash-password"])
    printed = capsys.readouterr().out.strip()
    assert ended.value.code == 0 and printed.startswith("$argon2id$")
    assert await Access([User(name="a", password=printed)]).log_in("a", "right horse", "x")
