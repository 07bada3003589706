"""Hashing passwords with argon2id, away from the event loop.

Two threads at most hash at once, so that a storm of sign-ins cannot take the memory (64 MiB each)
or the processor from dispatching. Not here: which passwords are allowed (`rules`).
"""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_HASHER = PasswordHasher()
"""RFC 9106's low-memory choice, which is the library's default."""


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


@cache
def _nobodys_hash() -> str:
    """What an unknown user's password is compared with, so that it takes as long."""
    return _HASHER.hash(secrets.token_urlsafe(16))


async def hash_password(password: str) -> str:
    """The PHC string to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _HASHER.hash, password)


def _matches(password: str, stored: str | None) -> bool:
    try:
        _HASHER.verify(stored or _nobodys_hash(), password)
    except VerifyMismatchError:
        return False
    except InvalidHashError as error:
        raise ValueError("a stored password hash is damaged") from error
    return stored is not None


async def password_matches(password: str, stored: str | None) -> bool:
    """Whether `password` is the one stored; takes as long when there is none (`stored` None)."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _matches, password, stored)


def outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's and should be made again."""
    return _HASHER.check_needs_rehash(stored)
