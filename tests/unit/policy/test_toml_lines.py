"""The line a key stands at, in every way TOML can write it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.policy.toml_lines import lines_of_keys, locate

TEXT = '''# a comment with [brackets] and "quotes
name = "x"          # 2
words = """
[[not]]
a = 'table'
""" # 3 to 6
plain = \'\'\'it's "" x\'\'\'
dotted.key."odd name" = 1 # 8

[[steps]]
id = "a#b]"
branches = [
  { answer = "yes", next = "b" }, # 13
  # a comment, [ in it
  { answer = "no", forms = [
    "x"], next = "c" },
]
when = { flow = { at_most = 20 } }

[[steps.fields]]
key = "k"

[[steps]]
id = "c"
at = 2026-01-01 09:00:00

[[steps.fields]]
key = "l"
[[steps.fields]]
key = "m"

[needs.survey]
minutes = 60
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("name", 2),
        ("words", 3),
        ("plain", 7),
        ("dotted.key", 8),
        ("steps", 10),
        ("steps[0]", 10),
        ("steps[0].id", 11),
        ("steps[0].branches", 12),
        ("steps[0].branches[0].next", 13),
        ("steps[0].branches[1]", 15),
        ("steps[0].branches[1].next", 16),
        ("steps[0].when.flow.at_most", 18),
        ("steps[0].fields[0]", 20),
        ("steps[0].fields[0].key", 21),
        ("steps[1].id", 24),
        ("steps[1].fields[0].key", 28),
        ("steps[1].fields[1].key", 30),
        ("needs.survey.minutes", 33),
        # What is not written is looked for around: the nearest thing that is.
        ("steps[1].next", 23),
        ("steps[0].branches[1].fact", 15),
        ("steps[0].branches[1].forms[0]", 16),
        ("needs[...].minutes", 32),
        ("absent", None),
        ("", None),
    ],
)
def test_every_key_has_its_line(key: str, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT, key) == line


NAMES = st.text("abcxyz_-09", min_size=1, max_size=6)
VALUES = st.sampled_from(
    ["1", '"a # ] } \\" b"', "'c:\\'", "[1, [2,\n 3]]", '["x", # y\n]', '"""\n[[a]]\nb = 1\n"""']
)


@given(st.lists(st.tuples(NAMES, VALUES), unique_by=lambda pair: pair[0], max_size=12))
def test_the_scanner_sees_the_same_keys_as_the_parser(pairs: list[tuple[str, str]]) -> None:
    """Each key is found, at the line where its text was put."""
    text, expected = "", {}
    for name, value in pairs:
        expected[name] = text.count("\n") + 1
        text += f"{name} = {value}\n"
    assert set(tomllib.loads(text)) == set(expected)
    found = {path[0]: line for path, line in lines_of_keys(text).items() if len(path) == 1}
    assert found == expected
