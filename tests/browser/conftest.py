"""Chromium, once for all tests here; a page that notices what no page may do: ask another host, break the policy, fail.

Playwright's blocking interface keeps an event loop running in its thread, in which no test with an `async def` could then
run. So it has a thread of its own, and the tests of this folder run in that.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.browser.site import DemoSite, Loop, SmallSite

_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
HERE = Path(__file__).parent
# A loaded machine is slow, not wrong.
expect.set_options(timeout=90_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == HERE:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    names = inspect.signature(pyfuncitem.obj).parameters
    _THREAD.submit(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}).result()
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "Chromium is missing: install Debian's package chromium"
    playwright = _THREAD.submit(lambda: sync_playwright().start()).result()
    # Root, as in a container, has no sandbox; the pages are our own.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    browser = _THREAD.submit(playwright.chromium.launch, executable_path=chromium, args=arguments).result()
    yield browser
    _THREAD.submit(browser.close).result()
    _THREAD.submit(playwright.stop).result()


@pytest.fixture(scope="session")
def site_loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def demo(site_loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSite]:
    site = DemoSite(site_loop, tmp_path_factory.mktemp("demo"))
    yield site
    site.close()


@pytest.fixture
def small_site(site_loop: Loop, tmp_path: Path) -> Iterator[Callable[..., SmallSite]]:
    made: list[SmallSite] = []

    def make(articles: Sequence[Any] = (), **options: Any) -> SmallSite:
        folder = tmp_path / f"site-{len(made)}"
        folder.mkdir()
        made.append(SmallSite(site_loop, folder, articles, **options))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(url, may_fail=…, **context options)`: a new page in a context of its own, opened at `url`."""
    contexts = []
    faults: list[str] = []

    def make(url: str, *, may_fail: bool = False, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(90_000)
        contexts.append(context)
        host = urlsplit(url).netloc

        def see(request: Request) -> None:
            if urlsplit(request.url).netloc != host:
                faults.append(f"asked another host: {request.url}")

        context.on("request", see)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"script failed: {error}"))
        page.on(
            "console",
            lambda said: faults.append(f"console: {said.text}") if said.type == "error" and not may_fail else None,
        )
        page.goto(url)
        return page

    yield make
    for context in contexts:
        _THREAD.submit(context.close).result()
    assert not faults


@pytest.fixture
def page(open_page: Callable[..., Page], demo: DemoSite) -> Page:
    """The first page of the demo."""
    return _THREAD.submit(open_page, demo.url).result()
