"""The road network as rows, both ways: stored by the block, and read back as it was.

Here: the one place that knows how the arrays of `geo.roads.RoadNetwork` lie in the tables. Not
here: which version is current (`queries`), reading OSM files (`geo`).

Columns travel as one binary string each (`int4send`, `string_agg`): a network of 150,000 arcs is
read in half a second, where a row at a time takes ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text

from geo.coordinates import Floats
from geo.drawn import DrawnFeature, arc_lines, is_second_direction
from geo.roads import ImportReport, RoadNetwork
from server.db import Tx

_ROWS_AT_ONCE = 20_000

_INSERT_NODES = """
INSERT INTO road_nodes (version, number, osm_id, delay_s, lon, lat)
SELECT :version, * FROM unnest(
    CAST(:number AS integer[]), CAST(:osm_id AS bigint[]), CAST(:delay_s AS real[]),
    CAST(:lon AS double precision[]), CAST(:lat AS double precision[]))
"""
_INSERT_ARCS = """
INSERT INTO road_arcs (version, number, from_node, to_node, length_m, speed_kmh, class_index,
                       way_id, name, forward, line)
SELECT :version, number, from_node, to_node, length_m, speed_kmh, class_index,
       way_id, name, forward, ST_GeomFromEWKB(ewkb)
FROM unnest(
    CAST(:number AS integer[]), CAST(:from_node AS integer[]), CAST(:to_node AS integer[]),
    CAST(:length_m AS double precision[]), CAST(:speed_kmh AS real[]),
    CAST(:class_index AS smallint[]), CAST(:way_id AS bigint[]), CAST(:name AS text[]),
    CAST(:forward AS boolean[]), CAST(:ewkb AS bytea[]))
    AS arc (number, from_node, to_node, length_m, speed_kmh, class_index, way_id, name, forward,
            ewkb)
"""
_INSERT_RESTRICTIONS = """
INSERT INTO road_restrictions (version, number, arcs)
SELECT :version, number, CAST(arcs AS integer[])
FROM unnest(CAST(:number AS integer[]), CAST(:arcs AS text[])) AS forbidden (number, arcs)
"""
_INSERT_FEATURES = """
INSERT INTO map_features (version, id, layer, class, kind, name, oneway, first_zoom, geom)
SELECT :version, id, layer, class, kind, name, oneway, first_zoom, ST_GeomFromEWKB(ewkb)
FROM unnest(
    CAST(:id AS integer[]), CAST(:layer AS text[]), CAST(:class AS text[]), CAST(:kind AS text[]),
    CAST(:name AS text[]), CAST(:oneway AS boolean[]), CAST(:first_zoom AS smallint[]),
    CAST(:ewkb AS bytea[]))
    AS feature (id, layer, class, kind, name, oneway, first_zoom, ewkb)
"""

_SELECT_NODES = """
SELECT string_agg(int8send(osm_id), '' ORDER BY number) AS node_osm_id,
       string_agg(float4send(delay_s), '' ORDER BY number) AS node_delay_s,
       string_agg(float8send(lon), '' ORDER BY number) AS node_lon,
       string_agg(float8send(lat), '' ORDER BY number) AS node_lat
FROM road_nodes WHERE version = :version
"""
_SELECT_ARCS = """
SELECT string_agg(int4send(from_node), '' ORDER BY number) AS arc_from,
       string_agg(int4send(to_node), '' ORDER BY number) AS arc_to,
       string_agg(float8send(length_m), '' ORDER BY number) AS arc_length_m,
       string_agg(float4send(speed_kmh), '' ORDER BY number) AS arc_speed_kmh,
       string_agg(int2send(class_index), '' ORDER BY number) AS arc_class,
       string_agg(int8send(way_id), '' ORDER BY number) AS arc_way_id,
       string_agg(boolsend(forward), '' ORDER BY number) AS arc_forward,
       string_agg(name, E'\\n' ORDER BY number) AS names,
       string_agg(int4send(COALESCE(ST_NPoints(line), 0)), '' ORDER BY number) AS point_counts,
       string_agg(ST_AsBinary(line, 'NDR'), '' ORDER BY number) AS lines
FROM road_arcs WHERE version = :version
"""
_SELECT_RESTRICTIONS = """
SELECT arcs FROM road_restrictions WHERE version = :version ORDER BY number
"""
_WKB_HEADER = 9
"""Bytes before a LineString's first point: byte order, type, number of points."""

Progress = Callable[[str, float], None]


async def store_network(tx: Tx, version: int, network: RoadNetwork, progress: Progress) -> None:
    """Write every node, arc and restriction of the network under `version`."""
    await _store(
        tx,
        _INSERT_NODES,
        version,
        {
            "number": np.arange(network.node_count),
            "osm_id": network.node_osm_id,
            "delay_s": network.node_delay_s,
            "lon": network.node_lon,
            "lat": network.node_lat,
        },
        lambda share: progress("nodes", 0.25 * share),
    )
    names = np.array(network.names, dtype=object)
    told = shapely.set_srid(arc_lines(network), 4326)
    lines = np.asarray(shapely.to_wkb(told, include_srid=True), dtype=object)
    lines[is_second_direction(network)] = None
    await _store(
        tx,
        _INSERT_ARCS,
        version,
        {
            "number": np.arange(network.arc_count),
            "from_node": network.arc_from,
            "to_node": network.arc_to,
            "length_m": network.arc_length_m,
            "speed_kmh": network.arc_speed_kmh,
            "class_index": network.arc_class,
            "way_id": network.arc_way_id,
            "name": names[network.arc_name_index],
            "forward": network.arc_forward,
            "ewkb": lines,
        },
        lambda share: progress("arcs", 0.25 + 0.7 * share),
    )
    forbidden = [
        [int(a), int(b)]
        for a, b in zip(network.restriction_from_arc, network.restriction_to_arc, strict=True)
    ]
    forbidden += [
        network.forbidden_path_arc[start:end].tolist()
        for start, end in pairwise(network.forbidden_path_offset.tolist())
    ]
    await _store(
        tx,
        _INSERT_RESTRICTIONS,
        version,
        {
            "number": np.arange(len(forbidden)),
            # Arrays of unequal length do not nest in PostgreSQL, so each travels as its text.
            "arcs": np.array([f"{{{','.join(map(str, arcs))}}}" for arcs in forbidden], object),
        },
        lambda share: progress("restrictions", 0.95 + 0.05 * share),
    )


async def store_features(
    tx: Tx, version: int, features: Sequence[DrawnFeature], progress: Progress
) -> None:
    """Write the drawn map under `version`; a feature's id is its place in `features`."""
    await _store(
        tx,
        _INSERT_FEATURES,
        version,
        {
            "id": np.arange(len(features)),
            **{
                name.rstrip("_"): np.array([feature[at] for feature in features], dtype=object)
                for at, name in enumerate(DrawnFeature._fields)
            },
        },
        lambda share: progress("map", share),
    )


async def load_network(tx: Tx, version: int) -> RoadNetwork | None:
    """The network of one version as it was imported; None when the company has no such version."""
    report = await tx.session.scalar(
        text("SELECT report FROM road_versions WHERE version = :version"), {"version": version}
    )
    if report is None:
        return None
    nodes = (await tx.session.execute(text(_SELECT_NODES), {"version": version})).mappings().one()
    arcs = (await tx.session.execute(text(_SELECT_ARCS), {"version": version})).mappings().one()
    forbidden = (await tx.session.scalars(text(_SELECT_RESTRICTIONS), {"version": version})).all()
    # np.unique sorts, and the empty name sorts first, where the network wants it; it is added
    # because a network of named streets alone has none.
    arc_names = np.array(["", *arcs["names"].split("\n")], dtype=object)
    names, name_index = np.unique(arc_names, return_inverse=True)
    shape_offset, points = _shapes(_column(arcs["point_counts"], ">i4"), arcs["lines"])
    turns = [pair for pair in forbidden if len(pair) == 2]
    paths = [path for path in forbidden if len(path) > 2]
    turn_columns = np.array(turns, dtype=np.int32).reshape(-1, 2)
    return RoadNetwork(
        node_lon=_column(nodes["node_lon"], ">f8"),
        node_lat=_column(nodes["node_lat"], ">f8"),
        node_osm_id=_column(nodes["node_osm_id"], ">i8"),
        node_delay_s=_column(nodes["node_delay_s"], ">f4"),
        arc_from=_column(arcs["arc_from"], ">i4"),
        arc_to=_column(arcs["arc_to"], ">i4"),
        arc_length_m=_column(arcs["arc_length_m"], ">f8"),
        arc_speed_kmh=_column(arcs["arc_speed_kmh"], ">f4"),
        arc_class=_column(arcs["arc_class"], ">i2").astype(np.uint8),
        arc_way_id=_column(arcs["arc_way_id"], ">i8"),
        arc_name_index=name_index[1:].astype(np.int32),
        arc_forward=_column(arcs["arc_forward"], "?"),
        shape_offset=shape_offset,
        shape_lon=np.ascontiguousarray(points[:, 0]),
        shape_lat=np.ascontiguousarray(points[:, 1]),
        restriction_from_arc=np.ascontiguousarray(turn_columns[:, 0]),
        restriction_to_arc=np.ascontiguousarray(turn_columns[:, 1]),
        forbidden_path_offset=np.cumsum([0, *map(len, paths)], dtype=np.int64),
        forbidden_path_arc=np.array([arc for path in paths for arc in path], dtype=np.int32),
        names=tuple(names.tolist()),
        report=msgspec.convert(report, ImportReport),
    )


async def _store(
    tx: Tx,
    statement: str,
    version: int,
    columns: dict[str, NDArray[Any]],
    progress: Callable[[float], None],
) -> None:
    """Run an INSERT … SELECT FROM unnest block by block (COPY is refused under row security)."""
    count = len(next(iter(columns.values())))
    for start in range(0, count, _ROWS_AT_ONCE):
        block = {
            name: column[start : start + _ROWS_AT_ONCE].tolist() for name, column in columns.items()
        }
        await tx.session.execute(text(statement), {"version": version, **block})
        progress(min(1.0, (start + _ROWS_AT_ONCE) / count))


def _column(raw: bytes, dtype: str) -> Any:
    """A column sent in network byte order, as a native array."""
    column = np.frombuffer(raw, dtype=dtype)
    return column.astype(column.dtype.newbyteorder("="))


def _shapes(counts: NDArray[np.int32], lines: bytes) -> tuple[NDArray[np.int64], Floats]:
    """Offsets (M + 1) and points of all arcs from the stored lines, WKB end to end.

    An arc without a line of its own (count 0) has that of the arc before it, reversed.
    """
    own = np.flatnonzero(counts)
    sizes = _WKB_HEADER + 16 * counts[own].astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    is_point = np.ones(len(lines), dtype=np.bool_)
    is_point[(starts[:, None] + np.arange(_WKB_HEADER)).ravel()] = False
    stored = np.frombuffer(lines, dtype=np.uint8)[is_point].view("<f8").reshape(-1, 2)

    has_line = counts > 0
    line_of = np.cumsum(has_line) - 1
    line_counts = counts[own].astype(np.int64)
    line_starts = np.cumsum(line_counts) - line_counts
    arc_counts = line_counts[line_of]
    offset = np.concatenate([[0], np.cumsum(arc_counts)])
    step = np.arange(offset[-1]) - np.repeat(offset[:-1], arc_counts)
    reverse = np.repeat(~has_line, arc_counts)
    last = np.repeat(arc_counts, arc_counts) - 1
    row = np.repeat(line_starts[line_of], arc_counts) + np.where(reverse, last - step, step)
    return offset.astype(np.int64), stored[row]
