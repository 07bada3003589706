"""The private cluster: made, stopped, killed, mended, and closed to everybody but the product."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.cluster import Cluster, DatabaseAddress
from infra.machine import PostgresServer, SetupProblem
from infra.server_process import (
    SOCKET_PATH_LIMIT,
    ClusterProblem,
    Identity,
    ServerProcess,
    server_identity,
)
from tests.unit.infra.scratch import scratch_folder


def plain(url: str) -> str:
    """The same URL as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder for the clusters of these tests."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def durable(scratch: Path) -> Iterator[Cluster]:
    """A durable cluster as `up` makes it, with one database."""
    made = Cluster(scratch / "pg", durable=True)
    made.start()
    made.create_database("changming")
    yield made
    made.stop()


@pytest.fixture
def changming(durable: Cluster) -> DatabaseAddress:
    """The database of the durable cluster."""
    durable.start()
    return durable.database("changming")


def test_database_has_postgis_and_belongs_to_the_owner(changming: DatabaseAddress) -> None:
    with psycopg.connect(plain(changming.owner_url)) as owner:
        owner.execute("CREATE TABLE kept (place geometry(Point, 4326))")
        found = owner.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'")
        assert found.fetchone() == ("changming_owner",)


def test_application_owns_nothing_and_cannot_bypass_row_security(
    changming: DatabaseAddress,
) -> None:
    with psycopg.connect(plain(changming.app_url), autocommit=True) as app:
        rights = app.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert rights == (False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (n int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SET ROLE changming_owner")


def test_nobody_comes_in_without_a_password(durable: Cluster, changming: DatabaseAddress) -> None:
    for user in ("changming_app", "changming_owner", "postgres"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(
                host="127.0.0.1", port=durable.port, user=user, dbname="changming", password="x"
            )
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=str(durable.server.socket_folder), port=durable.port, user="changming_owner",
            dbname="changming", password="x",
        )  # fmt: skip
    assert stat.S_IMODE(durable.server.socket_folder.stat().st_mode) == 0o700
    passwords = durable.server.folder / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600


def test_durable_settings_are_in_force(durable: Cluster, changming: DatabaseAddress) -> None:
    with durable.connect_superuser() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",), name


def test_server_does_not_run_as_root(durable: Cluster, changming: DatabaseAddress) -> None:
    pid = durable.postmaster_pid()
    assert pid is not None
    assert Path(f"/proc/{pid}").stat().st_uid == server_identity().uid != 0


def test_stop_leaves_no_process_and_start_finds_the_rows(
    durable: Cluster, changming: DatabaseAddress
) -> None:
    with psycopg.connect(plain(changming.owner_url)) as owner:
        owner.execute("CREATE TABLE yesterday AS SELECT 42 AS n")
    port = durable.port
    durable.stop()
    assert durable.postmaster_pid() is None
    assert not durable.ready()
    durable.stop()
    durable.start()
    assert durable.port == port
    with psycopg.connect(plain(changming.owner_url)) as owner:
        assert owner.execute("SELECT n FROM yesterday").fetchone() == (42,)


def test_start_when_running_changes_nothing(durable: Cluster, changming: DatabaseAddress) -> None:
    before = durable.postmaster_pid()
    durable.start()
    assert durable.postmaster_pid() == before


def test_killed_server_comes_up_again_with_what_was_committed(
    durable: Cluster, changming: DatabaseAddress
) -> None:
    with psycopg.connect(plain(changming.owner_url)) as owner:
        owner.execute("CREATE TABLE acknowledged AS SELECT 'yes' AS word")
    killed = durable.postmaster_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    durable.start()
    assert durable.postmaster_pid() not in (None, killed)
    with psycopg.connect(plain(changming.owner_url)) as owner:
        assert owner.execute("SELECT word FROM acknowledged").fetchone() == ("yes",)


def test_stale_pid_file_naming_another_process_is_put_away(
    durable: Cluster, changming: DatabaseAddress
) -> None:
    durable.stop()
    pid_file = durable.server.data_folder / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{durable.server.data_folder}\n", encoding="ascii")
    assert durable.postmaster_pid() is None
    durable.start()
    assert durable.ready()


def test_taken_port_is_left_to_its_user(durable: Cluster, changming: DatabaseAddress) -> None:
    durable.stop()
    taken = durable.port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        durable.start()
    assert durable.port != taken
    assert durable.ready()


def test_lost_passwords_are_replaced(durable: Cluster, changming: DatabaseAddress) -> None:
    (durable.server.folder / "passwords.json").unlink()
    durable.start()
    renewed = durable.database("changming")
    assert renewed.app_url != changming.app_url
    psycopg.connect(plain(renewed.app_url)).close()


def test_test_cluster_beyond_mending_is_made_anew(scratch: Path) -> None:
    made = Cluster(scratch / "test-pg", durable=False)
    made.start()
    made.stop()
    (made.server.data_folder / "global/pg_control").write_bytes(b"not a control file")
    made.start()
    assert made.ready()
    made.stop()


def test_durable_cluster_beyond_mending_is_never_thrown_away(scratch: Path) -> None:
    made = Cluster(scratch / "precious", durable=True)
    made.start()
    made.stop()
    control = made.server.data_folder / "global/pg_control"
    control.write_bytes(b"not a control file")
    with pytest.raises(ClusterProblem, match=r"server\.log"):
        made.start()
    assert control.read_bytes() == b"not a control file"


def test_folder_closed_to_the_servers_user_becomes_a_link(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with scratch_folder() as elsewhere:
        made = Cluster(closed / "pg", durable=False, elsewhere=elsewhere)
        made.start()
        assert made.ready()
        made.stop()
        # Only root has to be helped: everybody else runs the server as themself.
        assert (closed / "pg").is_symlink() is (os.geteuid() == 0)
        again = Cluster(closed / "pg", durable=False, elsewhere=elsewhere)
        again.start()
        assert again.port == made.port
        again.stop()


def test_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("深" * 40)
    server = ServerProcess(deep, durable=False, servers=[], elsewhere=tmp_path)
    path = server.socket_folder / ".s.PGSQL.65535"
    assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
    assert path.parent != deep / "s"


def test_machine_without_postgis_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SetupProblem, match="apt-get install postgresql-postgis"):
        Cluster(tmp_path / "pg", servers=[]).start()


def test_cluster_of_a_version_that_is_gone_names_the_package(tmp_path: Path) -> None:
    data = tmp_path / "pg/data"
    data.mkdir(parents=True, mode=0o700)
    (tmp_path / "pg/s").mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("13\n", encoding="ascii")
    # Ourselves, so that nothing has to be given away: the version is missed before anything starts.
    identity = Identity("whoever", os.geteuid(), os.getegid())
    newer = [PostgresServer(17, tmp_path)]
    with pytest.raises(SetupProblem, match="postgresql-13-postgis-3"):
        Cluster(tmp_path / "pg", servers=newer, identity=identity).start()


def test_root_without_a_user_to_run_as_is_refused() -> None:
    with pytest.raises(ClusterProblem, match="useradd"):
        server_identity(euid=0, names=("no-such-user",))


def test_ordinary_user_runs_the_server_as_themself() -> None:
    assert server_identity(euid=1 if os.geteuid() == 0 else os.geteuid()).uid != 0
