"""The arrows inside a room, for files split by verb, which the contracts' wildcards cannot name.

The contracts in pyproject.toml guard `actions`, `http` and so on; a room may split these files into
`actions_class` or `http_alarms`, and the same arrows hold there.
"""

import ast
from pathlib import Path

import pytest

from infra.checkout import ROOT

FORBIDDEN = {
    "http": {"sqlalchemy", "geoalchemy2", "psycopg"},
    "actions": {"litestar", "uvicorn"},
    "queries": {"litestar", "uvicorn"},
    "tables": {"litestar", "uvicorn"},
    "rules": {"litestar", "uvicorn", "sqlalchemy", "geoalchemy2", "psycopg", "httpx"},
    "lifecycle": {"litestar", "uvicorn", "sqlalchemy", "geoalchemy2", "psycopg", "httpx"},
}
LOW_TO_HIGH = ("tables", "queries", "actions", "http")


def kind_of(path: Path) -> str | None:
    """Which of a room's files `path` is: actions_class.py is `actions`."""
    kind = path.stem.split("_")[0]
    return kind if kind in FORBIDDEN else None


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports; `from a import b` counts as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def wrong_imports(path: Path, room: str, kind: str) -> list[str]:
    """What the file imports against the arrows of its kind."""
    wrong = []
    above = LOW_TO_HIGH[LOW_TO_HIGH.index(kind) + 1 :] if kind in LOW_TO_HIGH else LOW_TO_HIGH
    for name in imported(path):
        parts = name.split(".")
        if parts[0] in FORBIDDEN[kind]:
            wrong.append(name)
        own = parts[:2] == ["server", room] and len(parts) > 2
        if own and kind_of(Path(parts[2])) in above:
            wrong.append(name)
    return sorted(wrong)


ROOM_FILES = [
    (path, kind)
    for path in sorted((ROOT / "server").glob("*/*.py"))
    if (kind := kind_of(path)) is not None
]


def test_there_is_something_to_guard() -> None:
    assert {kind for _, kind in ROOM_FILES} == set(FORBIDDEN)


@pytest.mark.parametrize(
    ("path", "kind"), ROOM_FILES, ids=lambda value: value.stem if isinstance(value, Path) else value
)
def test_room_file_keeps_to_its_arrows(path: Path, kind: str) -> None:
    assert wrong_imports(path, path.parent.name, kind) == []


def test_phone_side_writes_no_sql() -> None:
    for path in (ROOT / "field_client_api").rglob("*.py"):
        top = {name.split(".")[0] for name in imported(path)}
        assert not top & FORBIDDEN["http"], path


def test_a_wrong_import_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "queries_open.py"
    bad.write_text(
        "import litestar.di\nfrom server.work import actions_arrival\nfrom server.feed import x\n",
        encoding="utf-8",
    )
    seen = wrong_imports(bad, "work", "queries")
    assert seen == ["litestar.di", "server.work.actions_arrival"]
