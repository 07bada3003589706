"""Folders for clusters that tests start, kill and throw away."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.checkout import var_folder
from infra.children import alive
from infra.cluster import Cluster


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that a server's user can reach; pytest's own temporary folders are closed.

    First puts away what test processes left that were killed, their running clusters included.
    """
    var_folder().mkdir(exist_ok=True)
    for left in var_folder().glob("scratch-[0-9]*-*"):
        if not alive(int(left.name.split("-")[1])):
            _put_away(left)
    folder = Path(tempfile.mkdtemp(prefix=f"scratch-{os.getpid()}-", dir=var_folder()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _put_away(folder)


def _put_away(folder: Path) -> None:
    for data in folder.glob("*/data"):
        if (data / "PG_VERSION").is_file():
            Cluster(data.parent, durable=False).stop()
            # Where the checkout is closed to the server's user, this is a link to elsewhere.
            shutil.rmtree(data.parent.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
