"""Commands about policy packs: checking and showing them.

Belongs here: `changming policy …`. Does not belong here: what a pack must be (`server.policy`).
"""

from __future__ import annotations

from pathlib import Path

import click

from server.policy.files import HEAD_FILE
from server.policy.loading import PACKS_FOLDER, problems_of, shipped_packs


@click.group("policy")
def policy() -> None:
    """Policy packs: check what somebody writes, show what a company promises."""


def packs_in(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A folder of packs and the names in it; a folder that is one pack counts as that pack."""
    if (folder / HEAD_FILE).is_file():
        folder = folder.resolve()
        return folder.parent, (folder.name,)
    return folder, shipped_packs(folder)


@policy.command("check")
@click.argument(
    "folder",
    required=False,
    default=PACKS_FOLDER,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def check(folder: Path) -> None:
    """Say everything that is wrong with the packs in FOLDER: file, line, key and why.

    FOLDER is a folder of packs or one pack; without it, the packs shipped with the program.
    """
    home, names = packs_in(folder)
    if not names:
        raise click.ClickException(f"There is no pack in {folder}.")
    wrong = 0
    for name in names:
        problems = problems_of(name, home)
        wrong += len(problems)
        click.echo(f"{name}: " + (f"{len(problems)} wrong" if problems else "good"))
        for problem in problems:
            click.echo(f"  {problem}")
    if wrong:
        raise click.ClickException(f"{wrong} things are wrong.")
