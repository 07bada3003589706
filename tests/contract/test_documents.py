"""The OpenAPI documents in docs/ are those the applications serve."""

from __future__ import annotations

from click.testing import CliRunner

from infra.cli import main


def test_the_committed_documents_are_up_to_date() -> None:
    result = CliRunner().invoke(main, ["openapi", "--check"])
    assert result.exit_code == 0, result.output
