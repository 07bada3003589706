"""The drawn lifecycles are those of the code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from infra.cli_docs import LIFECYCLES, assignment_edges, incident_edges, write


def test_the_document_is_up_to_date() -> None:
    write(LIFECYCLES, check=True)


def test_an_outdated_document_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="out of date"):
        write(tmp_path / "lifecycles.md", check=True)


def test_the_diagrams_show_real_steps() -> None:
    assert ("closed", "reviewed", "reviewed") in incident_edges()
    assert ("offered", "expired", "expire") in assignment_edges()
    assert not any(state == to for state, to, _ in incident_edges() + assignment_edges())
