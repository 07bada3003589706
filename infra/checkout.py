"""Where the checkout and its working folder are.

Belongs here: the two folders everything else is named from. Does not belong here: what is put
into them.
"""

import hashlib
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""Top of the checkout: the folder that holds pyproject.toml."""

VAR_VARIABLE = "CHANGMING_VAR"

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it, for one user
"""A file system in memory, where Linux has one."""

TEST_ROOM_BYTES = 3 * 2**30
"""What the tests' databases may need at once."""


def var_folder() -> Path:
    """The folder for clusters, logs and stamps: $CHANGMING_VAR, otherwise `var` in the checkout."""
    return Path(os.environ.get(VAR_VARIABLE) or ROOT / "var").resolve()


def throwaway_cluster_folder() -> Path:
    """The folder of the tests' throw-away cluster: in memory where there is room for it.

    A test's database is some 750 small files: made and dropped in memory they cost a tenth of what
    they cost on a disk. One folder for each checkout; it goes with the next start of the machine.
    """
    var = var_folder()
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return var / "test-pg"
    if shutil.disk_usage(MEMORY).free < TEST_ROOM_BYTES:
        return var / "test-pg"
    checkout = hashlib.sha256(str(var).encode()).hexdigest()[:12]
    return MEMORY / f"changming-tests-{os.getuid()}-{checkout}" / "test-pg"
