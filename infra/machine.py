"""What this machine has, what it lacks, and how it would be had.

Belongs here: looking for programs and asking apt for the missing ones. Every look takes the
places it looks in as parameters, so that a test can show it a machine that lacks something.
Does not belong here: anything inside the checkout (see `environment`). Standard library only.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MINIMUM_PYTHON = (3, 11)
NODE_MINIMUMS = ((20, 19), (22, 12))
"""Vite 8 runs on Node 20.19 or later in line 20, and on 22.12 or later."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class SetupProblem(Exception):
    """Something is missing or broken that only the person at the keyboard can mend.

    The message says what, and the command that mends it.
    """


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """PostgreSQL server programs of one major version, with PostGIS installed beside them."""

    version: int
    bin_folder: Path


def find_postgres_servers(root: Path = Path("/")) -> list[PostgresServer]:
    """PostgreSQL servers under `root` that also have PostGIS, newest version first.

    Debian and Ubuntu keep programs in /usr/lib/postgresql/N/bin and extensions in
    /usr/share/postgresql/N/extension; a server without postgis.control there is left out.
    """
    found = []
    for version in _installed_postgres_versions(root):
        control = root / f"usr/share/postgresql/{version}/extension/postgis.control"
        if control.is_file():
            bin_folder = root / f"usr/lib/postgresql/{version}/bin"
            found.append(PostgresServer(version, bin_folder))
    return sorted(found, key=lambda server: server.version, reverse=True)


def _installed_postgres_versions(root: Path) -> list[int]:
    versions = []
    for initdb in root.glob("usr/lib/postgresql/*/bin/initdb"):
        name = initdb.parent.parent.name
        if name.isdigit() and (initdb.parent / "pg_ctl").is_file():
            versions.append(int(name))
    return sorted(versions)


def postgres_packages(
    root: Path = Path("/"), available: Callable[[str], bool] | None = None
) -> list[str]:
    """Debian packages that would give this machine a PostgreSQL with PostGIS.

    A PostgreSQL that is already installed is completed when the distribution can complete it;
    otherwise the distribution's own pair is taken through its metapackage. `available` answers
    whether apt knows a package.
    """
    known = available or apt_knows
    for version in reversed(_installed_postgres_versions(root)):
        if known(f"postgresql-{version}-postgis-3"):
            return [f"postgresql-{version}-postgis-3"]
    return ["postgresql-postgis"]


def find_chromium(which: Callable[[str], str | None] = shutil.which) -> str | None:
    """Path of a Chromium that can be driven headless, or None."""
    for name in CHROMIUM_NAMES:
        path = which(name)
        if path:
            return path
    return None


def has_chinese_font(root: Path = Path("/")) -> bool:
    """Whether a Noto CJK font is installed, without which Chinese labels are empty boxes."""
    fonts = root / "usr/share/fonts"
    return any(fonts.rglob("NotoSansCJK*")) or any(fonts.rglob("NotoSerifCJK*"))


def node_is_enough(version: str) -> bool:
    """Whether a `node --version` answer such as 'v20.20.2' is one the screens can be built with.

    Lines 20 and 22 have a minimum each; line 21 never got the needed features; later lines have.
    """
    match = re.match(r"v?(\d+)\.(\d+)", version.strip())
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    for line, least in NODE_MINIMUMS:
        if major == line:
            return minor >= least
    return major > NODE_MINIMUMS[-1][0]


def find_node(which: Callable[[str], str | None] = shutil.which) -> Path | None:
    """Folder that holds a recent enough `node` together with its `npm`, or None."""
    node, npm = which("node"), which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode != 0 or not node_is_enough(answer.stdout):
        return None
    return Path(node).parent if Path(node).parent == Path(npm).parent else None


def can_make_environments(python: str = sys.executable) -> bool:
    """Whether `python` has venv and ensurepip, which Debian ships apart from Python itself."""
    probe = "import ensurepip, venv; ensurepip.version()"
    return subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0


_SNAP_ONLY = (
    "Ubuntu has Chromium only as a snap (snap install chromium); Google's own package of Chrome "
    "does as well."
)


@dataclass(frozen=True, slots=True)
class Need:
    """Something the machine must have: what it is, whether it has it, and who could bring it."""

    what: str
    here: bool
    packages: tuple[str, ...]
    otherwise: str = ""
    """What to do where the packages do not bring it."""


def needs(*, browser: bool, environment: bool = True) -> list[Need]:
    """Everything outside the checkout that Changming needs on this machine.

    `browser`: also what the browser tests need. `environment`: whether a virtual environment has
    yet to be made.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    listed = []
    if environment:
        here = can_make_environments()
        own = f"python{version}-venv"
        venv = own if not here and apt_knows(own) else "python3-venv"
        listed.append(Need(f"venv for Python {version}", here, (venv,)))
    here = bool(find_postgres_servers())
    listed.append(Need("PostgreSQL with PostGIS", here, () if here else tuple(postgres_packages())))
    if browser:
        here = find_chromium() is not None
        listed.append(Need("Chromium", here, ("chromium",), _SNAP_ONLY))
        listed.append(Need("a Chinese font", has_chinese_font(), ("fonts-noto-cjk",)))
    return listed


# --- apt -----------------------------------------------------------------------------------------


def apt_knows(package: str) -> bool:
    """Whether apt's present lists can install `package`."""
    if shutil.which("apt-cache") is None:
        return False
    answer = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, check=False
    )
    return "Candidate:" in answer.stdout and "Candidate: (none)" not in answer.stdout


def root_prefix(
    uid: int | None = None, which: Callable[[str], str | None] = shutil.which
) -> list[str] | None:
    """Words to put before a command so that it runs as root: [], ['sudo', '-n'], or None.

    None means that this person may not, or would have to type a password.
    """
    if (os.geteuid() if uid is None else uid) == 0:
        return []
    if which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if allowed.returncode == 0 else None


_APT_GET = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300")


def apt_update(prefix: Sequence[str]) -> list[str]:
    """The command that fetches apt's lists, which a fresh machine often lacks."""
    return [*prefix, *_APT_GET, "update"]


def apt_install(
    packages: Sequence[str], prefix: Sequence[str], root: Path = Path("/")
) -> list[str]:
    """The command that installs `packages`.

    While PostgreSQL is installed, a settings file keeps Debian's packaging from creating and
    starting a cluster of its own on port 5432. The file goes away afterwards, whatever happened, so
    that whoever installs PostgreSQL later for other ends gets what Debian promises.
    """
    install = [*_APT_GET, "install", "-y", "--no-install-recommends", *packages]
    if not any(name.startswith("postgresql") for name in packages):
        return [*prefix, *install]
    settings = root / "etc/postgresql-common/createcluster.d/changming.conf"
    file, folder = shlex.quote(str(settings)), shlex.quote(str(settings.parent))
    script = (
        f"mkdir -p {folder} && echo 'create_main_cluster = false' > {file}; "
        f"{shlex.join(install)}; status=$?; rm -f {file}; exit $status"
    )
    return [*prefix, "sh", "-c", script]


def by_hand(packages: Sequence[str]) -> str:
    """The one command to show a person who must install `packages` themself."""
    return "sudo apt-get update && sudo apt-get install -y " + " ".join(packages)


def described(root: Path = Path("/")) -> str:
    """One line naming the machine: distribution, Python, processors and who we are."""
    names: dict[str, str] = {}
    release = root / "etc/os-release"
    if release.is_file():
        for line in release.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            names[key] = value.strip('"')
    user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    python = ".".join(str(part) for part in sys.version_info[:3])
    name = names.get("PRETTY_NAME", sys.platform)
    return f"{name} · Python {python} · {os.cpu_count()} processors · {user}"
