"""Tiles through HTTP against the bare SQL that cuts them: `infra/bench tiles`.

Measures: every tile of a few screens around the city, all layers, (1) by its bare statement on one
connection of the application's role, (2) by the console server over HTTP when it has to be cut,
(3) again when it is kept. All three in one run, turn about, on a warm database.
Not here: starting the bench, other yardsticks.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import math
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import psycopg

from geo.tiles import ALL_LAYERS, Tile, tile_at, tile_statement
from infra.checkout import ROOT, var_folder
from infra.cluster import Cluster, DatabaseAddress
from server.db.migrate import migrate

TARGET_COLD = 1.5
"""HTTP over bare SQL when a tile has to be cut: at most."""
TARGET_KEPT = 20.0
"""Cut over kept, both through HTTP: at least."""
PASSWORD = secrets.token_urlsafe(12)
ZOOMS = (10, 11, 12, 13, 14)
SCREEN = (4, 3)
"""Tiles a screen shows, across and down."""


def main(argv: list[str]) -> int:
    """Run the bench; the last line printed is one JSON object. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra/bench tiles", description=__doc__)
    parser.add_argument("--map", type=Path, help="an .osm.pbf; default: Porto, else the demo town")
    parser.add_argument("--rounds", type=int, default=5, help="how often every tile is cut")
    chosen = parser.parse_args(argv)
    cluster = Cluster(var_folder() / "bench-pg", durable=False)
    cluster.start()
    name = f"bench_tiles_{os.getpid()}"
    try:
        address = cluster.create_database(name)
        migrate(address.owner_url)
        source = chosen.map or _default_map()
        print(f"importing {source.name} …", flush=True)
        version, company_id, tiles = asyncio.run(_import(address, source))
        with cluster.connect_superuser(name) as superuser:
            superuser.execute("VACUUM ANALYZE map_features")
        result = _measure(address, version, company_id, tiles, chosen.rounds)
        result["map"] = source.name
    finally:
        cluster.drop_database(name)
        cluster.stop()
    print(json.dumps(result))
    return 0 if result["holds"] else 1


def _default_map() -> Path:
    folder = Path(os.environ.get("CHANGMING_MAP_DATA") or ROOT.parent / "shared" / "data")
    porto = folder / "porto_portugal.osm.pbf"
    if porto.is_file():
        return porto
    from server.drill.town import build_town, write_town

    town = var_folder() / "bench-town"
    town.mkdir(parents=True, exist_ok=True)
    write_town(build_town(), town)
    return town / "town.osm.pbf"


async def _import(address: DatabaseAddress, source: Path) -> tuple[int, str, list[Tile]]:
    from server.access.actions import create_company, create_person, new_password_hash
    from server.actor import Actor, Role
    from server.clock import SystemClock
    from server.db import Database
    from server.network.actions import import_roads
    from server.rooms import open_rooms
    from server.settings import Settings

    open_rooms()
    database = Database(Settings(database_url=address.app_url), SystemClock())
    company_id = await create_company(
        database, code="bench", name_zh="基准", name_en="Bench", policy_pack="default"
    )
    async with database.begin(Actor.system(company_id)) as tx:
        await create_person(
            tx,
            username="bench",
            name="Bench",
            roles={Role.DISPATCHER},
            password_hash=await new_password_hash(PASSWORD, "bench"),
        )
        version = await import_roads(tx, source)
        lon, lat = (version.west + version.east) / 2, (version.south + version.north) / 2
        number = version.version
    await database.dispose()
    tiles = []
    for z in ZOOMS:
        middle = tile_at(lon, lat, z)
        for x in range(SCREEN[0]):
            for y in range(SCREEN[1]):
                tiles.append(Tile(z, middle.x + x - SCREEN[0] // 2, middle.y + y - SCREEN[1] // 2))
    return number, str(company_id), tiles


class _BareSql:
    """The statements alone, on one connection, as the application's role and company."""

    def __init__(self, address: DatabaseAddress, company_id: str, version: int) -> None:
        self._connection = psycopg.connect(
            address.app_url.replace("postgresql+psycopg", "postgresql"), autocommit=True
        )
        self._connection.execute(
            "SELECT set_config('changming.company_id', %s, false)", [company_id]
        )
        self._version = version

    def cut(self, tile: Tile) -> tuple[bytes, float]:
        """The tile and the seconds it took."""
        statement = tile_statement(ALL_LAYERS, tile.z, "map_features")
        for name in ("version", "x", "y"):
            statement = statement.replace(f":{name}", f"%({name})s")
        values = {"version": self._version, "x": tile.x, "y": tile.y}
        began = time.perf_counter()
        cursor = self._connection.execute(statement.encode(), values, prepare=True, binary=True)
        row = cursor.fetchone()
        took_s = time.perf_counter() - began
        assert row is not None, "the statement has one row"
        return bytes(row[0]), took_s


class _Http:
    """One browser connection to a console server, read with as little of our own as can be."""

    def __init__(self, port: int) -> None:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({"company": "bench", "username": "bench", "password": PASSWORD})
        asked.request("POST", "/api/session", body, {"Content-Type": "application/json"})
        answer = asked.getresponse()
        answer.read()
        asked.close()
        if answer.status != 200:
            raise RuntimeError(f"signing in answered {answer.status}")
        self._cookie = str(answer.headers["set-cookie"]).partition(";")[0]
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> tuple[bytes, float]:
        """The answer's body and the seconds until all of it was here."""
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nCookie: {self._cookie}\r\n\r\n".encode()
        began = time.perf_counter()
        self._socket.sendall(request)
        received = self._socket.recv(1 << 20)
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        (length,) = re.findall(rb"content-length: (\d+)", head)
        while len(body) < int(length):
            body += self._more()
        took_s = time.perf_counter() - began
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{path} answered {head[:40]!r}")
        return body, took_s

    def _more(self) -> bytes:
        chunk = self._socket.recv(1 << 20)
        if not chunk:
            raise RuntimeError("the console server hung up")
        return chunk

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def _console(address: DatabaseAddress) -> Iterator[int]:
    """A console server as `changming serve` runs it, on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        *(sys.executable, "-m", "uvicorn", "server.app:create_app", "--factory"),
        *("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"),
    ]
    environment = {**os.environ, "CHANGMING_DATABASE_URL": address.app_url}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the console server did not start") from None
                time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def _measure(
    address: DatabaseAddress, version: int, company_id: str, tiles: list[Tile], rounds: int
) -> dict[str, object]:
    """Of each tile the best of the rounds counts, for all three ways alike: whatever else the
    machine was doing only ever adds.
    """
    sql = _BareSql(address, company_id, version)
    for tile in tiles * 2:
        sql.cut(tile)
    bare_s, cut_s, kept_s = (dict.fromkeys(tiles, math.inf) for _ in range(3))
    sizes = {}
    for _ in range(rounds):
        # A server of its own each round: an empty tile cache.
        with _console(address) as port:
            browser = _Http(port)
            for tile in _warm_up(tiles):
                browser.get(_path(version, tile))
            for tile in tiles:
                bare, bare_took_s = sql.cut(tile)
                cut, cut_took_s = browser.get(_path(version, tile))
                kept, kept_took_s = browser.get(_path(version, tile))
                if not bare == cut == kept:
                    raise RuntimeError(f"{tile}: HTTP answered other bytes than the database")
                bare_s[tile] = min(bare_s[tile], bare_took_s)
                cut_s[tile] = min(cut_s[tile], cut_took_s)
                kept_s[tile] = min(kept_s[tile], kept_took_s)
                sizes[tile] = len(bare)
            browser.close()
    ratio = sum(cut_s.values()) / sum(bare_s.values())
    faster = sum(cut_s.values()) / sum(kept_s.values())
    return {
        "bench": "tiles",
        "ratio": round(ratio, 3),
        "target": TARGET_COLD,
        "holds": ratio <= TARGET_COLD and faster >= TARGET_KEPT,
        "kept_faster": round(faster, 1),
        "kept_target": TARGET_KEPT,
        "tiles": len(tiles),
        "rounds": rounds,
        "sql_mean_ms": round(1000 * mean(bare_s.values()), 2),
        "http_cut_mean_ms": round(1000 * mean(cut_s.values()), 2),
        "http_kept_mean_ms": round(1000 * mean(kept_s.values()), 2),
        "sql_worst_ms": round(1000 * max(bare_s.values()), 2),
        "http_cut_worst_ms": round(1000 * max(cut_s.values()), 2),
        "tile_mean_kb": round(mean(sizes.values()) / 1000, 1),
    }


def _warm_up(tiles: list[Tile]) -> list[Tile]:
    """Squares beside those measured: they fill connection pools and statement caches, not tiles."""
    return [Tile(tile.z, tile.x, tile.y - SCREEN[1]) for tile in tiles]


def _path(version: int, tile: Tile) -> str:
    return f"/tiles/{version}/{ALL_LAYERS}/{tile.z}/{tile.x}/{tile.y}.mvt"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
