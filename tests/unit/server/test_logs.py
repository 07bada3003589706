"""What a failing process writes about itself."""

from __future__ import annotations

import pytest
import structlog

from server.logs import configure_logs

SECRET = "天知地知"


def _sign_in(password: str) -> None:
    raise RuntimeError(f"no database for {len(password)} letters")


def test_a_traceback_never_shows_what_a_variable_held(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    try:
        try:
            _sign_in(SECRET)
        except RuntimeError as error:
            structlog.get_logger().error("fault", path="/api/session", exc_info=error)
        written = capsys.readouterr().out
    finally:
        structlog.reset_defaults()
    assert "no database for 4 letters" in written
    assert "/api/session" in written
    assert "天知地知" not in written
