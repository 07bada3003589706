"""Where in a TOML text a key stands, so that a refusal can name the line.

Belongs here: finding lines. Does not belong here: reading values (`tomllib` does, and has accepted
the text before anything here looks at it).
"""

from __future__ import annotations

import re
from bisect import bisect_right

Path = tuple[str | int, ...]
"""A key's way from the top: names, and indexes of arrays."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def path_of(key: str) -> Path:
    """`clauses[3].limit.value` as a path; what cannot be followed (`needs[...]`) ends it."""
    path: list[str | int] = []
    for piece in key.replace("[...]", "\0").split("\0")[0].split("."):
        for name, index in _STEP.findall(piece):
            path.append(name if name else int(index))
    return tuple(path)


def locate(text: str, key: str) -> int | None:
    """The line (from 1) at which `key` stands, or the nearest thing around it that is written.

    None when nothing of it is in the text: no line is better than a wrong one.
    """
    path = path_of(key)
    lines = lines_of_keys(text) if path else {}
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def lines_of_keys(text: str) -> dict[Path, int]:
    """The line of every table, key and array item of a TOML text that `tomllib` accepts."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def scan(self) -> dict[Path, int]:
        base: Path = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return self.lines
            if self._here("[["):
                base = self._header(2)
            elif self._here("["):
                base = self._header(1)
            else:
                self._pair(base)

    def _here(self, words: str) -> bool:
        return self.text.startswith(words, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the patterns also match nothing"
        self.at = match.end()
        return match.group()

    def _record(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self._ends, self.at - 1) + 1)

    def _header(self, brackets: int) -> Path:
        start = self.at
        self.at += brackets
        names = self._dotted()
        end = self.at
        self.at = start
        path: Path = ()
        for number, name in enumerate(names):
            path = (*path, name)
            self._record(path)
            if brackets == 2 and number == len(names) - 1:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
                self._record(path)
        self.at = self.text.index("]", end) + brackets
        return path

    def _dotted(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                names.append(self._string())
            else:
                names.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._here("."):
                return names
            self.at += 1

    def _pair(self, base: Path) -> None:
        start = self.at
        names = self._dotted()
        after = self.at
        self.at = start
        path = base
        for name in names:
            path = (*path, name)
            self._record(path)
        self.at = self.text.index("=", after) + 1
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self.text[self.at] in "\"'":
            self._string()
        elif self._here("["):
            self._items(path)
        elif self._here("{"):
            self._inline(path)
        else:
            self._skip(_BARE_VALUE)

    def _string(self) -> str:
        quote = self.text[self.at]
        long = self._here(quote * 3)
        close = quote * 3 if long else quote
        start = self.at + len(close)
        at = start
        while not self.text.startswith(close, at):
            at += 2 if quote == '"' and self.text[at] == "\\" else 1
        self.at = at + len(close)
        # A long string may end with quotes of its own before the closing three.
        while long and self._here(quote):
            self.at += 1
        return self.text[start:at]

    def _items(self, path: Path) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._here("]"):
                self.at += 1
                return
            if self._here(","):
                self.at += 1
                continue
            self._record((*path, number))
            self._value((*path, number))
            number += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self._here("}"):
                self.at += 1
                return
            if self._here(","):
                self.at += 1
                continue
            self._pair(path)
