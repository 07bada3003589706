"""Two companies in one database never meet: asked of every table the catalogue knows.

Nothing here names a company's table. A migration that adds one without its fence fails at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from infra.cluster import Cluster, DatabaseAddress
from server.db.migrations.ops import APPLICATION_ROLE
from server.rooms import metadata

AnyConnection = psycopg.Connection[Any]

OF_NO_COMPANY = {
    "alembic_version": "how far the schema is; the application cannot even read it",
    "clock_anchor": "how time runs in a drill deployment, for all its companies at once",
    "sign_in_failures": "attempts before any company is known; hashes and numbers only",
    "spatial_ref_sys": "PostGIS's coordinate systems",
}
"""Every table without a company, and why it may be so."""

OWN_KEY = {"companies": "id"}
"""Where the company is not in `company_id`."""


SECURITY_DEFINERS = {
    "company_id_for_code": "signing in starts with a company's code",
    "company_ids": "the watch serves all companies, one after the other",
    "add_fix_partitions": "a new day's partition has to belong to the owner",
}
"""Every function that runs as somebody else than its caller, and why."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table (or partition) of the schema, as the catalogue has it."""

    name: str
    company_column: str | None
    fenced: bool
    forced: bool
    owner: str
    is_partition: bool


@pytest.fixture(scope="module")
def catalogue(cluster: Cluster, worker_database: DatabaseAddress) -> dict[str, Table]:
    """All tables of all schemas but the server's own, partitions included."""
    with _superuser(cluster, worker_database.name) as connection:
        rows = connection.execute(
            """
            SELECT c.relname,
                   (SELECT a.attname FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attname = 'company_id' AND NOT a.attisdropped),
                   c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
                   c.relispartition
              FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v')
               AND n.nspname NOT IN ('pg_catalog', 'information_schema')
               AND n.nspname !~ '^pg_toast'
               AND NOT EXISTS (SELECT FROM pg_depend d
                                WHERE d.objid = c.oid AND d.deptype = 'e'
                                  AND c.relname <> 'spatial_ref_sys')
            """
        ).fetchall()
    tables = [Table(*row) for row in rows]
    return {
        table.name: Table(
            table.name,
            OWN_KEY.get(table.name, table.company_column),
            table.fenced,
            table.forced,
            table.owner,
            table.is_partition,
        )
        for table in tables
    }


def _superuser(cluster: Cluster, name: str) -> AnyConnection:
    """A superuser's connection whose rows are as wide as the query says."""
    return cluster.connect_superuser(name)


def plain(url: str) -> str:
    """The same URL as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture
def app(worker_database: DatabaseAddress) -> Iterator[AnyConnection]:
    """The application's role; whatever is done is rolled back."""
    connection = psycopg.connect(plain(worker_database.app_url))
    yield connection
    connection.rollback()
    connection.close()


def enter(connection: AnyConnection, company: UUID | None) -> None:
    """Let the transaction be this company's (None: no company's)."""
    connection.execute(
        "SELECT set_config('changming.company_id', %s, true)",
        ["" if company is None else str(company)],
    )


def test_catalogue_is_what_the_code_thinks_it_is(catalogue: dict[str, Table]) -> None:
    known = set(metadata().tables)
    assert known <= set(catalogue), "a table of the code is not in the database"
    strangers = (
        {name for name, table in catalogue.items() if not table.is_partition}
        - known
        - set(OF_NO_COMPANY)
    )
    assert not strangers, "a table of the database is not in the code"


def test_every_table_without_a_company_is_on_the_short_list(catalogue: dict[str, Table]) -> None:
    without = {name for name, table in catalogue.items() if table.company_column is None}
    assert without == set(OF_NO_COMPANY)


def test_every_companys_table_is_fenced_and_even_its_owner_obeys(
    catalogue: dict[str, Table],
) -> None:
    open_ones = [
        name
        for name, table in catalogue.items()
        if table.company_column is not None and not (table.fenced and table.forced)
    ]
    assert not open_ones


def test_every_policy_compares_with_the_transactions_company(
    cluster: Cluster, worker_database: DatabaseAddress, catalogue: dict[str, Table]
) -> None:
    """One policy for all commands on each table, checking reads and writes against the setting."""
    with _superuser(cluster, worker_database.name) as connection:
        rows = connection.execute(
            "SELECT tablename, policyname, permissive, roles::text[], cmd, qual, with_check"
            " FROM pg_policies"
        ).fetchall()
    policies: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        policies.setdefault(str(row[0]), []).append(tuple(map(str, row[1:])))
    for name, table in catalogue.items():
        if table.company_column is None:
            continue
        for_application = [
            policy
            for policy in policies.get(name, [])
            if "public" in policy[2] or APPLICATION_ROLE in policy[2]
        ]
        if table.is_partition and not for_application:
            continue  # Fenced without a door: nobody reads a partition by its own name.
        assert len(for_application) == 1, f"{name}: exactly one policy, since policies add up"
        _, _, _, command, using, check = for_application[0]
        assert command == "ALL", name
        for expression in (using, check):
            assert expression.startswith(f"({table.company_column} = "), (name, expression)
            assert "changming.company_id" in expression, (name, expression)


def test_application_owns_nothing_and_cannot_step_over_the_fence(
    app: AnyConnection, catalogue: dict[str, Table]
) -> None:
    rights = app.execute(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert rights == (APPLICATION_ROLE, False, False)
    memberships = app.execute(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
        " WHERE r.rolname = current_user"
    ).fetchone()
    assert memberships == (0,), "a role it is a member of might bypass for it"
    assert APPLICATION_ROLE not in {table.owner for table in catalogue.values()}
    for name in sorted(catalogue):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(_id(name)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        app.execute("SELECT version_num FROM alembic_version")


def test_only_known_functions_run_as_somebody_else(
    cluster: Cluster, worker_database: DatabaseAddress
) -> None:
    """A security-definer function reads past the fence; each must be looked at and named here."""
    with _superuser(cluster, worker_database.name) as connection:
        rows = connection.execute(
            """
            SELECT p.proname, p.proconfig::text[], p.proacl::text[]
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE p.prosecdef AND n.nspname = 'public'
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            """
        ).fetchall()
    assert {row[0] for row in rows} == set(SECURITY_DEFINERS)
    for name, config, rights in rows:
        assert isinstance(config, list), name
        assert any(str(item).startswith("search_path=") for item in config), name
        assert isinstance(rights, list), name
        assert not any(str(right).startswith("=") for right in rights), f"{name}: open to everybody"


# --- rows for every table, made from the catalogue ---


@dataclass(frozen=True, slots=True)
class Filling:
    """How one row of a table is written, whatever it means."""

    statement: sql.Composed
    values: list[object]


@dataclass(frozen=True, slots=True)
class Peopled:
    """A database in which one company has a row in every table."""

    address: DatabaseAddress
    company: UUID
    fillings: dict[str, Filling]


@pytest.fixture(scope="module")
def peopled(
    cluster: Cluster, template_database: str, catalogue: dict[str, Table]
) -> Iterator[Peopled]:
    """A copy in which constraints of meaning are dropped and every fenced table has one row.

    Check constraints and foreign keys do not touch the fence, and without them a row of any table
    can be made from its column types alone.
    """
    name = f"test_{os.getpid()}_{uuid4().int % 10**9}"
    address = cluster.create_database(name, template=template_database)
    company = uuid4()
    fillings = {}
    try:
        with _superuser(cluster, name) as connection:
            _drop_checks(connection)
            connection.execute("SET session_replication_role = replica")
            for table in sorted(catalogue.values(), key=lambda table: table.name):
                if table.company_column is None or table.is_partition:
                    continue
                fillings[table.name] = _filling(connection, table, company)
                connection.execute(fillings[table.name].statement, fillings[table.name].values)
        yield Peopled(address, company, fillings)
    finally:
        cluster.drop_database(name)


@pytest.fixture
def stranger_proof(peopled: Peopled) -> Iterator[AnyConnection]:
    """The application's role in the peopled database; whatever is done is rolled back."""
    with psycopg.connect(plain(peopled.address.app_url)) as connection:
        yield connection
        connection.rollback()


def _drop_checks(connection: AnyConnection) -> None:
    rows = connection.execute(
        """
        SELECT conrelid::regclass::text, conname FROM pg_constraint
         WHERE contype IN ('c', 'f', 'x') AND connamespace = 'public'::regnamespace
           AND conislocal AND conparentid = 0
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.objid = conrelid AND d.deptype = 'e')
        """
    ).fetchall()
    for table, name in rows:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(_id(str(table)), _id(str(name)))
        )
    for (parent,) in connection.execute(
        "SELECT partrelid::regclass::text FROM pg_partitioned_table WHERE partdefid = 0"
    ).fetchall():
        connection.execute(
            sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT").format(
                _id(f"{parent}_any"), _id(str(parent))
            )
        )


def _filling(connection: AnyConnection, table: Table, company: UUID) -> Filling:
    rows = connection.execute(
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = '' AND a.attidentity = ''
           AND (a.attnotnull AND NOT a.atthasdef OR a.attname = %s)
        """,
        [table.name, table.company_column],
    ).fetchall()
    columns = []
    values: list[object] = []
    for name, type_, category in rows:
        columns.append(_id(str(name)))
        own = name == table.company_column
        values.append(str(company) if own else _literal(str(type_), str(category)))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        _id(table.name),
        sql.SQL(", ").join(columns),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    return Filling(statement, values)


def _literal(type_: str, category: str) -> str:
    """Any value of a type, as text that PostgreSQL reads back. Raises KeyError for a new kind."""
    geometry = re.match(r"geometry(?:\((\w+)(?:,(\d+))?\))?", type_)
    if geometry is not None:
        shape = {
            "point": "POINT(105.9 26.2)",
            "linestring": "LINESTRING(105.9 26.2, 106 26.3)",
            "polygon": "POLYGON((105 26, 106 26, 106 27, 105 26))",
            "multipolygon": "MULTIPOLYGON(((105 26, 106 26, 106 27, 105 26)))",
            "multilinestring": "MULTILINESTRING((105.9 26.2, 106 26.3))",
            "geometry": "POINT(105.9 26.2)",
        }[(geometry[1] or "geometry").lower()]
        return f"SRID={geometry[2] or 4326};{shape}"
    if type_ == "uuid":
        return str(uuid4())
    if type_ == "jsonb":
        return "{}"
    if type_ == "bytea":
        return "\\x00"
    if category == "R":
        return "empty"
    if type_.startswith("time without"):
        return "09:00"
    return {"N": "1", "S": "x", "B": "true", "D": "2026-11-21", "A": "{}", "T": "1 second"}[
        category
    ]


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _count(connection: AnyConnection, name: str, company: UUID | None) -> int:
    enter(connection, company)
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_id(name))).fetchone()
    assert row is not None
    return int(row[0])


def test_every_companys_table_has_a_row_to_ask_for(
    peopled: Peopled, catalogue: dict[str, Table]
) -> None:
    fenced = {
        name
        for name, table in catalogue.items()
        if table.company_column is not None and not table.is_partition
    }
    assert set(peopled.fillings) == fenced
    assert len(fenced) > 10


def test_a_company_sees_its_row_a_stranger_and_nobody_see_none(
    stranger_proof: AnyConnection, peopled: Peopled
) -> None:
    for name in peopled.fillings:
        assert _count(stranger_proof, name, peopled.company) == 1, name
        assert _count(stranger_proof, name, uuid4()) == 0, name
        assert _count(stranger_proof, name, None) == 0, name


def test_a_row_of_another_company_cannot_be_written(
    stranger_proof: AnyConnection, peopled: Peopled
) -> None:
    for name, filling in peopled.fillings.items():
        enter(stranger_proof, uuid4())
        may = stranger_proof.execute(
            "SELECT has_table_privilege(current_user, %s, 'INSERT')", [name]
        ).fetchone()
        expected = "row-level security" if may == (True,) else "permission denied"
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match=expected),
            stranger_proof.transaction(),
        ):
            stranger_proof.execute(filling.statement, filling.values)


def test_a_row_of_another_company_can_neither_be_changed_nor_deleted(
    stranger_proof: AnyConnection, peopled: Peopled, catalogue: dict[str, Table]
) -> None:
    for name in peopled.fillings:
        column = catalogue[name].company_column
        assert column is not None
        for statement in ("DELETE FROM {}", "UPDATE {} SET {column} = {column}"):
            enter(stranger_proof, uuid4())
            try:
                with stranger_proof.transaction():
                    done = stranger_proof.execute(
                        sql.SQL(statement).format(_id(name), column=_id(column))
                    )
                    assert done.rowcount == 0, name
            except psycopg.errors.InsufficientPrivilege:
                continue  # History: the application may not change even its own.


def test_a_row_cannot_be_given_away(
    stranger_proof: AnyConnection, peopled: Peopled, catalogue: dict[str, Table]
) -> None:
    for name in peopled.fillings:
        column = catalogue[name].company_column
        assert column is not None
        enter(stranger_proof, peopled.company)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), stranger_proof.transaction():
            stranger_proof.execute(
                sql.SQL("UPDATE {} SET {} = %s").format(_id(name), _id(column)), [uuid4()]
            )


def test_partitions_are_reached_only_through_their_parent(
    stranger_proof: AnyConnection,
) -> None:
    """The fence of a parent does not bind who reads a partition by its own name."""
    rows = stranger_proof.execute(
        """
        SELECT c.relname FROM pg_class c
         WHERE c.relispartition AND c.relkind IN ('r', 'p')
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
           AND (has_table_privilege(c.oid, 'SELECT') OR has_table_privilege(c.oid, 'INSERT')
                OR has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE'))
        """
    ).fetchall()
    assert rows == []


def test_no_key_reaches_across_companies(
    cluster: Cluster, worker_database: DatabaseAddress, catalogue: dict[str, Table]
) -> None:
    """A foreign key between fenced tables carries the company on both sides, because the
    database checks foreign keys behind the fence."""
    with _superuser(cluster, worker_database.name) as connection:
        rows = connection.execute(
            """
            SELECT k.conname, f.relname, t.relname,
                   (SELECT array_agg(a.attname::text) FROM pg_attribute a
                     WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),
                   (SELECT array_agg(a.attname::text) FROM pg_attribute a
                     WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))
              FROM pg_constraint k
              JOIN pg_class f ON f.oid = k.conrelid
              JOIN pg_class t ON t.oid = k.confrelid
             WHERE k.contype = 'f'
            """
        ).fetchall()
    assert rows
    for name, from_table, to_table, from_columns, to_columns in rows:
        target = catalogue[str(to_table)].company_column
        assert target is not None, name
        assert catalogue[str(from_table)].company_column in list(from_columns), name
        assert target in list(to_columns), name
