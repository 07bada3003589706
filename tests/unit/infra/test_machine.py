"""What a machine has and lacks, shown to the looks as folders and answers of other machines."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import machine
from infra.machine import PostgresServer


def install_postgres(root: Path, version: int, *, postgis: bool) -> None:
    """Put into `root` what Debian's packages would, as far as anybody looks."""
    programs = root / f"usr/lib/postgresql/{version}/bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "pg_ctl"):
        (programs / name).touch()
    extension = root / f"usr/share/postgresql/{version}/extension"
    extension.mkdir(parents=True)
    if postgis:
        (extension / "postgis.control").touch()


def only(*names: str) -> Callable[[str], str | None]:
    """A `which` of a machine that has only these programs."""
    return lambda name: f"/usr/bin/{name}" if name in names else None


def test_newest_postgres_with_postgis_comes_first(tmp_path: Path) -> None:
    install_postgres(tmp_path, 9, postgis=True)
    install_postgres(tmp_path, 15, postgis=True)
    install_postgres(tmp_path, 17, postgis=False)
    found = machine.find_postgres_servers(tmp_path)
    assert [server.version for server in found] == [15, 9]
    assert found[0] == PostgresServer(15, tmp_path / "usr/lib/postgresql/15/bin")


def test_client_programs_alone_are_no_server(tmp_path: Path) -> None:
    programs = tmp_path / "usr/lib/postgresql/15/bin"
    programs.mkdir(parents=True)
    (programs / "psql").touch()
    assert machine.find_postgres_servers(tmp_path) == []
    assert machine.postgres_packages(tmp_path, lambda _: True) == ["postgresql-postgis"]


def test_postgres_that_is_there_is_completed(tmp_path: Path) -> None:
    install_postgres(tmp_path, 14, postgis=False)
    install_postgres(tmp_path, 16, postgis=False)
    packages = machine.postgres_packages(tmp_path, lambda name: "-14-" in name)
    assert packages == ["postgresql-14-postgis-3"]
    packages = machine.postgres_packages(tmp_path, lambda _: True)
    assert packages == ["postgresql-16-postgis-3"]


def test_bare_machine_gets_the_distributions_own_pair(tmp_path: Path) -> None:
    assert machine.find_postgres_servers(tmp_path) == []
    assert machine.postgres_packages(tmp_path, lambda _: False) == ["postgresql-postgis"]


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0", True),
        ("v20.18.3", False),
        ("v21.7.1", False),
        ("v22.11.0", False),
        ("v22.12.0\n", True),
        ("v24.0.0", True),
        ("v18.20.4", False),
        ("", False),
        ("not a version", False),
    ],
)
def test_node_is_new_enough_for_vite(version: str, *, enough: bool) -> None:
    assert machine.node_is_enough(version) is enough


def test_node_without_npm_is_no_node() -> None:
    assert machine.find_node(only("node")) is None
    assert machine.find_node(only("npm")) is None
    assert machine.find_node(only()) is None


def test_old_node_is_not_taken(tmp_path: Path) -> None:
    for version, taken in (("v18.20.4", None), ("v22.20.0", tmp_path)):
        node = tmp_path / "node"
        node.write_text(f"#!/bin/sh\necho {version}\n", encoding="ascii")
        node.chmod(0o755)
        assert machine.find_node(lambda name: str(tmp_path / name)) == taken


def test_chromium_is_found_under_any_of_its_names() -> None:
    assert machine.find_chromium(only()) is None
    assert machine.find_chromium(only("google-chrome")) == "/usr/bin/google-chrome"
    assert machine.find_chromium(only("google-chrome", "chromium")) == "/usr/bin/chromium"


def test_chinese_font_is_looked_for_by_file(tmp_path: Path) -> None:
    assert not machine.has_chinese_font(tmp_path)
    fonts = tmp_path / "usr/share/fonts/opentype/noto"
    fonts.mkdir(parents=True)
    (fonts / "NotoSansCJK-Regular.ttc").touch()
    assert machine.has_chinese_font(tmp_path)


def test_root_needs_no_prefix_and_others_need_sudo() -> None:
    assert machine.root_prefix(0, only()) == []
    assert machine.root_prefix(1000, only()) is None


def test_python_without_venv_is_noticed(tmp_path: Path) -> None:
    assert machine.can_make_environments()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    assert not machine.can_make_environments(str(python))


def run_install(tmp_path: Path, packages: list[str], apt_get: str) -> tuple[int, list[str]]:
    """Run the install command with an apt-get that writes down the cluster settings it saw."""
    programs = tmp_path / "bin"
    programs.mkdir()
    seen = tmp_path / "seen"
    fake = programs / "apt-get"
    fake.write_text(
        f"#!/bin/sh\ncat {tmp_path}/etc/postgresql-common/createcluster.d/* > {seen} 2>&1\n"
        f'echo "$@" >> {seen}\n{apt_get}\n',
        encoding="ascii",
    )
    fake.chmod(0o755)
    command = machine.apt_install(packages, [], tmp_path)
    done = subprocess.run(command, env={"PATH": f"{programs}:/usr/bin:/bin"}, check=False)
    return done.returncode, seen.read_text(encoding="ascii").splitlines()


def test_installing_postgres_makes_no_other_cluster(tmp_path: Path) -> None:
    status, seen = run_install(tmp_path, ["postgresql-postgis"], "exit 0")
    assert status == 0
    assert seen[0] == "create_main_cluster = false"
    assert seen[1].endswith("install -y --no-install-recommends postgresql-postgis")
    assert not any((tmp_path / "etc/postgresql-common/createcluster.d").iterdir())


def test_failed_install_fails_and_leaves_no_settings(tmp_path: Path) -> None:
    status, _ = run_install(tmp_path, ["postgresql-postgis"], "exit 100")
    assert status == 100
    assert not any((tmp_path / "etc/postgresql-common/createcluster.d").iterdir())


def test_other_packages_leave_postgres_settings_alone(tmp_path: Path) -> None:
    status, seen = run_install(tmp_path, ["chromium"], "exit 0")
    assert status == 0
    assert seen[-1].endswith("chromium")
    assert not (tmp_path / "etc").exists()


def test_machine_is_named_by_its_distribution(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Debian 13"\n', encoding="utf-8")
    assert machine.described(tmp_path).startswith("Debian 13 · Python 3.")
