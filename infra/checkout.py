"""Where the checkout and its working folder are.

Belongs here: the two folders everything else is named from. Does not belong here: what is put
into them.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""Top of the checkout: the folder that holds pyproject.toml."""

VAR_VARIABLE = "CHANGMING_VAR"


def var_folder() -> Path:
    """The folder for clusters, logs and stamps: $CHANGMING_VAR, otherwise `var` in the checkout."""
    return Path(os.environ.get(VAR_VARIABLE) or ROOT / "var").resolve()
