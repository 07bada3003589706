"""Every entry of the packs' files, and its words: where `coverage` looks the inventory up.

Belongs here: reading entries as they stand in the files, inherited ones where they were written.
Does not belong here: the inventory, tests, the page (`coverage`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from server.policy.loading import PACKS_FOLDER, texts_of

KINDS: dict[tuple[str, str], str] = {
    ("clauses.toml", "clauses"): "clause",
    ("clauses_cases.toml", "clauses"): "clause",
    ("clauses.toml", "causes"): "cause",
    ("clauses_cases.toml", "causes"): "cause",
    ("classes.toml", "rules"): "rule",
    ("customers.toml", "classes"): "class",
    ("roles.toml", "roles"): "role",
    ("channels.toml", "channels"): "channel",
    ("documents.toml", "documents"): "document",
    ("documents.toml", "deferrals"): "deferrals",
    ("forms.toml", "forms"): "form",
    ("fees.toml", "fees"): "fee",
    ("notices.toml", "notices"): "notice",
    ("notices.toml", "quiet_hours"): "quiet",
    ("hours.toml", "service"): "hours",
    ("hours.toml", "business"): "business",
    ("ratios.toml", "ratios"): "ratio",
    ("ratios.toml", "call_backs"): "call_backs",
    ("orders.toml", "needs"): "needs",
}
"""What each table of a pack's files is called in the inventory; beside these `process` and `step`
(`P03.survey`)."""

WORDS_OF: dict[str, tuple[str, ...]] = {
    "clause": ("quote", "excludes", "source"),
    "role": ("names",),
}
"""Where the regulation's own words stand in an entry that also tells them again: only there do they
count. A reading (A1…) may stand anywhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a pack's file."""

    file: str
    """With the pack it was written in: what is inherited is shown where it stands."""
    kind: str
    id: str
    entry: Mapping[str, Any]
    words: str
    """Its texts, without spaces and with one sort of punctuation."""
    quoted: str
    """The same of the regulation's own words."""

    @property
    def shown(self) -> str:
        return f"`{self.file}: {self.id}`"


@lru_cache(maxsize=16)
def places_of(company: str, packs: Path = PACKS_FOLDER) -> tuple[Place, ...]:
    """Every entry of a company's pack, inherited ones included."""
    return tuple(
        place
        for file, text in sorted(texts_of(company, packs).items())
        if file.endswith(".toml")
        for place in _entries_of(file, text.shown, text.text)
    )


@lru_cache(maxsize=512)
def _entries_of(file: str, shown: str, text: str) -> tuple[Place, ...]:
    """A file is read once however many packs inherit it."""
    return tuple(_entries(file, shown, tomllib.loads(text)))


def _entries(file: str, shown: str, content: Mapping[str, Any]) -> Iterator[Place]:
    if file.startswith("processes/"):
        yield _place(shown, "process", content["id"], content)
        for step in content["steps"]:
            yield _place(shown, "step", f"{content['id']}.{step['id']}", step)
        return
    for table, entries in content.items():
        kind = KINDS.get((file, table))
        if kind is None:
            continue
        if kind == "needs":
            for name, entry in entries.items():
                yield _place(shown, kind, name, {"kind": name, **entry})
        elif isinstance(entries, dict):
            yield _place(shown, kind, table, entries)
        else:
            for entry in entries:
                yield _place(shown, kind, entry.get("id") or entry["code"], entry)


def _place(shown: str, kind: str, name: str, entry: Mapping[str, Any]) -> Place:
    quoting = WORDS_OF.get(kind, tuple(entry))
    return Place(
        shown,
        kind,
        name,
        entry,
        plain_words(entry),
        plain_words([entry[key] for key in quoting if key in entry]),
    )


def plain_words(entry: object) -> str:
    """All texts of an entry, one to a line, each plain."""
    return "\n".join(plain(text) for text in _texts(entry))


def _texts(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, Mapping):
        for value in entry.values():
            yield from _texts(value)
    elif isinstance(entry, Iterable):
        for value in entry:
            yield from _texts(value)


_PUNCTUATION = str.maketrans(",;:()—–", "，；：（）--")


def plain(text: str) -> str:
    """Without spaces and line breaks, with one sort of punctuation: the regulations mix two."""
    return re.sub(r"\s+", "", text).translate(_PUNCTUATION).replace("--", "-")
