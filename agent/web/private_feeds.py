"""Feeds of alerts, at addresses that nobody can guess: a feed reader cannot log in, so the address is what lets it in.

`rasad run` and `rasad deliver` write the files (destinations of kind `feed`); one without a secret in its name is not
served.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from agent.web.world import World

PREFIX = "/alert-feeds/"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}-[A-Za-z0-9_-]{16,}\.(atom|json)")
_KINDS = {"atom": "application/atom+xml; charset=utf-8", "json": "application/feed+json; charset=utf-8"}


class PrivateFeeds:
    """Serves the files of `alerts.feed_folder`."""

    def __init__(self, world: World) -> None:
        self._folder = Path(world.settings.alerts.feed_folder)

    async def serve(self, request: Request) -> Response:
        """`/alert-feeds/{name}`: the file, or 304 where the reader has it; 404 for whatever else."""
        name = request.path_params["name"]
        found = _NAME.fullmatch(name)
        if found is None:
            raise HTTPException(404)
        try:
            content = await asyncio.to_thread((self._folder / name).read_bytes)
        except OSError:
            raise HTTPException(404) from None
        etag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = {"etag": etag, "cache-control": "private, no-cache", "x-robots-tag": "noindex"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=_KINDS[found[1]], headers=headers)
