"""Who may see and do what: the users file, sessions, and the brake on guessing passwords.

On loopback nobody logs in. Elsewhere the users file decides (`web.users_file`), and without one nothing is served:

    users:
      - {name: layla, role: editor, password: "$argon2id$v=19$…"}     # made by `rasad web --hash-password`
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.config_files import Faults, load_list
from agent.observe import is_loopback
from agent.settings import WebSettings

Role = Literal["reader", "editor"]

SESSION_SECONDS = 12 * 3600.0
_MOST_SESSIONS = 1000
_FAILURES = 5
"""Wrong passwords from one address, or for one name, before the next must wait..."""
_FAILURE_SECONDS = 300.0
"""...until the oldest of them is so old."""
_MOST_REMEMBERED = 10_000


class User(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who may log in."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Role = "reader"
    password: Annotated[str, Meta(pattern=r"^\$argon2id\$")]
    """Hash, as `rasad web --hash-password` makes it."""


LOCAL = User(name="local", role="editor", password="$argon2id$")  # noqa: S106  (nobody can log in with it)
"""Whoever sits at this machine, where nobody has to log in."""


class TooManyFailures(Exception):
    """Passwords were guessed too often; `retry_after_seconds` says when the next is looked at."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


def load_access(settings: WebSettings, faults: Faults) -> Access:
    """Return who may come in; what is wrong with that is noted in `faults`."""
    users: list[User] = []
    if settings.users_file is not None:
        path = Path(settings.users_file)
        if not path.is_file():
            faults.add("web.users_file", 0, f"there is no {path}: write one, see docs/how-to/web-users.md")
        else:
            located = load_list(path, User, faults, key="users")
            users = [user for user, _ in located]
            seen: set[str] = set()
            for user, where in located:
                if user.name in seen:
                    faults.add(path, where.line, f"user {user.name!r} is defined twice")
                seen.add(user.name)
            if not users:
                faults.add(path, 0, "has no user: nobody could log in")
    elif not is_loopback(settings.host):
        advice = "set web.users_file (see docs/how-to/web-users.md), or keep web.host on loopback"
        faults.add("web.host", 0, f"{settings.host} is not loopback: {advice}")
    return Access(users)


class Access:
    """Logs users in and out. Without users there is no log-in, and everybody is `LOCAL`."""

    def __init__(self, users: list[User], clock: Callable[[], float] = time.monotonic) -> None:
        self._users = {user.name: user for user in users}
        self._clock = clock
        self._sessions: OrderedDict[bytes, tuple[User, float]] = OrderedDict()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        self._key = secrets.token_bytes(32)
        # Each check takes tens of megabytes and milliseconds, on purpose: one at a time.
        self._checking = asyncio.Lock()

    @property
    def needs_login(self) -> bool:
        """Whether anybody has to log in."""
        return bool(self._users)

    async def log_in(self, name: str, password: str, address: str) -> str | None:
        """Return a new session's secret, or None where name or password are wrong.

        Raises:
            TooManyFailures: there were too many wrong ones.
        """
        user = await self.check(name, password, address)
        if user is None:
            return None
        secret = secrets.token_urlsafe(32)
        self._sessions[_digest(secret)] = (user, self._clock() + SESSION_SECONDS)
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return secret

    async def check(self, name: str, password: str, address: str) -> User | None:
        """Return the user of a name and password, or None. Raises `TooManyFailures`."""
        pair = hmac.digest(self._key, f"{name}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        if self._verified.get(pair, 0.0) > self._clock():
            return self._users.get(name)
        async with self._checking:
            keys = (f"address {address}", f"name {name[:100]}")
            for key in keys:
                self._refuse_if_guessing(key)
            user = self._users.get(name)
            # The same work for a name that nobody has: the time taken must not tell which there are.
            reference = user.password if user is not None else _ANYBODYS
            is_right = await asyncio.to_thread(_verify, reference, password)
            if user is not None and is_right:
                self._verified[pair] = self._clock() + _FAILURE_SECONDS
                while len(self._verified) > _MOST_SESSIONS:
                    self._verified.popitem(last=False)
                return user
            for key in keys:
                self._failures.setdefault(key, deque()).append(self._clock())
                self._failures.move_to_end(key)
            while len(self._failures) > _MOST_REMEMBERED:
                self._failures.popitem(last=False)
            return None

    def user_of(self, secret: str) -> User | None:
        """Return who a session belongs to, or None where there is none, or it has ended."""
        found = self._sessions.get(_digest(secret))
        return found[0] if found is not None and found[1] > self._clock() else None

    def log_out(self, secret: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(secret), None)

    def _refuse_if_guessing(self, key: str) -> None:
        failures = self._failures.get(key)
        if failures is None:
            return
        now = self._clock()
        while failures and failures[0] <= now - _FAILURE_SECONDS:
            failures.popleft()
        if len(failures) >= _FAILURES:
            raise TooManyFailures(failures[0] + _FAILURE_SECONDS - now)


def hash_password(password: str) -> str:
    """Return what stands in the users file for a password."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def _verify(reference: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(reference, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def _digest(secret: str) -> bytes:
    # What lies in memory is no key to a session.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


_ANYBODYS = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXRoaW5nc2FsdHk$" + "A" * 43
