"""Opaque secrets: how they look, how they are hashed, what is derived from them.

A token is `<company id in hex>.<43 random characters>`. The company stands in front so that
row-level security can be set before the token is looked up; it is no secret and proves nothing.
Not here: where hashes are stored (`tables`), how long they live (`rules`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from uuid import UUID

PAIRING_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 signs that nobody mishears or misreads for one another over a radio (no 0/O, 1/I)."""
PAIRING_LENGTH = 8


def new_token(company_id: UUID) -> str:
    """A fresh secret of 256 bits for this company."""
    return f"{company_id.hex}.{secrets.token_urlsafe(32)}"


def company_of(token: str) -> UUID | None:
    """The company a token claims to belong to; None when it is not even formed like a token."""
    head, dot, secret = token.partition(".")
    if not dot or len(head) != 32 or len(secret) != 43:
        return None
    try:
        return UUID(hex=head)
    except ValueError:
        return None


def digest(secret: str) -> bytes:
    """What is stored of a secret. Tokens carry 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_token(session_token: str) -> str:
    """The CSRF token that goes with a session: derived one way from the cookie, stored nowhere.

    A foreign site cannot read the cookie and so cannot compute it; a new session has a new one.
    """
    return hmac.new(session_token.encode(), b"changming csrf", hashlib.sha256).hexdigest()


def csrf_matches(session_token: str, offered: str | None) -> bool:
    """Whether `offered` is the session's CSRF token, compared in constant time."""
    expected = csrf_token(session_token).encode()
    return hmac.compare_digest(expected, (offered or "").encode())


def new_pairing_code() -> str:
    """Eight signs, 40 bits: enough for ten minutes behind a throttle."""
    return "".join(secrets.choice(PAIRING_ALPHABET) for _ in range(PAIRING_LENGTH))


def tidy_pairing_code(typed: str) -> str:
    """A typed code as it was issued: blanks and hyphens dropped, upper case."""
    return "".join(sign for sign in typed.upper() if sign not in " -")
