"""A company that exists only as TOML, for tests of anything that reads a pack.

Belongs here: finding and loading it. Does not belong here: the shipped packs (`server.policy`).
"""

from __future__ import annotations

from pathlib import Path

from server.policy.loading import load_pack, texts_of
from server.policy.wire import Pack

INVENTED = Path(__file__).parent / "invented_packs"
"""The folder in which the pack `invented` lies."""


def load_invented() -> Pack:
    """The invented company's pack: its own class threshold (35 m³/h), process (X01), hours (08-18)
    and a clause in every unit."""
    return load_pack("invented", INVENTED)


def invented_files() -> dict[str, str]:
    """Its files by name, as an administrator would send them."""
    return {file: text.text for file, text in texts_of("invented", INVENTED).items()}
