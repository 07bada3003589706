"""The tests' own cluster lives in memory where there is room, and on disk where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import checkout


def test_it_lives_in_memory_one_folder_for_each_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "MEMORY", tmp_path)
    monkeypatch.setattr(checkout, "TEST_ROOM_BYTES", 1)
    here = checkout.throwaway_cluster_folder()
    assert here.is_relative_to(tmp_path)
    monkeypatch.setenv(checkout.VAR_VARIABLE, str(tmp_path / "other"))
    assert checkout.throwaway_cluster_folder() != here


@pytest.mark.parametrize("without", ["folder", "room"])
def test_without_memory_to_spare_it_lives_on_disk(
    without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "MEMORY", tmp_path / "none" if without == "folder" else tmp_path)
    monkeypatch.setattr(checkout, "TEST_ROOM_BYTES", 2**60 if without == "room" else 1)
    assert checkout.throwaway_cluster_folder() == checkout.var_folder() / "test-pg"
