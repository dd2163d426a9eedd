"""`await site(articles, users=…, web=…, …)`: a served page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.unit.web.serving import Make, serve_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:
        yield partial(serve_site, stack, tmp_path)
