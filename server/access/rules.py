"""Pure rules of coming in: lifetimes, throttles, passwords, and what is refused.

Not here: rows, hashing, HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from server.actor import Role
from server.refusal import Refusal

SESSION_IDLE = timedelta(hours=4)
"""A session that nothing used for this long is over. An open live screen counts as use: a desk
that is watched through a quiet night must not be signed out when the phone rings."""
SESSION_ABSOLUTE = timedelta(hours=16)
"""The longest session: a twelve-hour shift and its hand-over."""
USE_NOTED_EVERY = timedelta(minutes=1)
"""How coarse `last_used_at` is, so that reading costs no write."""
PAIRING_LIFETIME = timedelta(minutes=10)
PASSWORD_MIN = 8
PASSWORD_MAX = 256


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `failures` vain attempts in one `window`."""

    failures: int
    window: timedelta

    def wait_s(self, failures: int, window_started_at: datetime, now: datetime) -> int | None:
        """Whole seconds until the door opens again; None while it is open."""
        if failures <= self.failures:
            return None
        left = (window_started_at + self.window - now).total_seconds()
        return max(1, int(left) + 1) if left > 0 else None


NAME_THROTTLE = Throttle(failures=10, window=timedelta(minutes=10))
"""Per company and username. Not tighter: it must not be easy to lock a dispatcher out."""
ADDRESS_THROTTLE = Throttle(failures=60, window=timedelta(minutes=10))
"""Per client address. A whole hotline hall may sit behind one address at a change of shift."""

FORGOTTEN_AFTER = timedelta(days=1)
"""A door nobody has tried for this long is not remembered; far longer than any window."""


def session_over(*, last_used_at: datetime, ends_at: datetime, now: datetime) -> bool:
    """Whether a session that nobody ended has ended by itself."""
    return now >= ends_at or now - last_used_at >= SESSION_IDLE


def check_password(password: str, username: str) -> None:
    """Raise PasswordWeak unless the password may be used (NIST SP 800-63B: length, not classes)."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise PasswordWeak(least=PASSWORD_MIN, most=PASSWORD_MAX)
    if username and username in password.lower() and len(password) < len(username) + PASSWORD_MIN:
        raise PasswordWeak(least=PASSWORD_MIN, most=PASSWORD_MAX)
    if len(set(password)) < 4:
        raise PasswordWeak(least=PASSWORD_MIN, most=PASSWORD_MAX)


def parse_roles(words: list[str]) -> frozenset[Role]:
    """Roles from their stored words; a word that is no role is a bug in the table's constraint."""
    return frozenset(Role(word) for word in words)


class SignInRefused(Refusal):
    """Wrong company, username or password; which of them is not said."""

    code = "sign_in_refused"
    status = 401
    zh = "公司、用户名或密码不正确"
    en = "The company, user name or password is not right."


class TooManyAttempts(Refusal):
    """The door is closed for a while; `retry_after_s` says how long."""

    code = "too_many_attempts"
    status = 429
    zh = "尝试次数过多，请在 {retry_after_s} 秒后重试"
    en = "Too many attempts; try again in {retry_after_s} seconds."


class CsrfRefused(Refusal):
    """An unsafe request came with the cookie but without the session's CSRF token."""

    code = "csrf_refused"
    status = 403
    zh = "页面已过期，请刷新后重试"
    en = "This page is out of date; reload it and try again."


class OriginRefused(Refusal):
    """A browser opened the socket from a page of another origin."""

    code = "origin_refused"
    status = 403
    zh = "不允许从其他网站连接"
    en = "Connecting from another site is not allowed."


class PairingRefused(Refusal):
    """The pairing code is wrong, used or too old; which of them is not said."""

    code = "pairing_refused"
    status = 401
    zh = "配对码无效或已过期，请向调度索取新的配对码"
    en = "The pairing code is not valid any more; ask for a new one."


class PasswordWeak(Refusal):
    """Too short, too long, of too few signs, or little more than the user name."""

    code = "password_weak"
    status = 422
    zh = "密码须为 {least} 至 {most} 个字符，不能与用户名相近，也不能只有少数几个字符重复"
    en = (
        "A password has {least} to {most} characters, is not close to the user name, "
        "and is not a few characters repeated."
    )


class UsernameTaken(Refusal):
    """Somebody in the company already has this user name."""

    code = "username_taken"
    zh = "用户名“{username}”已被使用"
    en = "The user name “{username}” is already taken."


class CompanyCodeTaken(Refusal):
    """Another company of this deployment has this code."""

    code = "company_code_taken"
    zh = "公司代码“{code}”已被使用"
    en = "The company code “{code}” is already taken."


class LastAdministrator(Refusal):
    """The change would leave the company without anybody who can administer it."""

    code = "last_administrator"
    zh = "公司必须至少保留一名可登录的管理员"
    en = "A company keeps at least one administrator who can sign in."


class PersonInactive(Refusal):
    """A deactivated person cannot be given a phone."""

    code = "person_inactive"
    zh = "该人员已停用"
    en = "This person is deactivated."
