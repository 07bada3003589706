"""Reading Mapbox Vector Tiles, by the letter of the specification (version 2.1).

Belongs here: as much of protocol buffers as a tile needs. Written anew rather than taken from the
side that cuts tiles, so that a test does not agree with the mistake it looks for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

POINT, LINE, POLYGON = 1, 2, 3


@dataclass
class TileFeature:
    """One feature: its id, its attributes, its kind of geometry and its paths in tile steps."""

    id: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    kind: int = 0
    paths: list[list[tuple[int, int]]] = field(default_factory=list)


@dataclass
class TileLayer:
    """One layer: name, extent, features."""

    name: str
    extent: int
    version: int
    features: list[TileFeature]


def read_tile(content: bytes) -> list[TileLayer]:
    """All layers of a tile; an empty tile has none."""
    return [_layer(value) for number, value in _fields(content) if number == 3]


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield number, value
        elif wire == 1:
            yield number, content[at : at + 8]
            at += 8
        elif wire == 2:
            size, at = _varint(content, at)
            yield number, content[at : at + size]
            at += size
        elif wire == 5:
            yield number, content[at : at + 4]
            at += 4
        else:
            raise AssertionError(f"no such wire type: {wire}")


def _packed(content: bytes) -> list[int]:
    values, at = [], 0
    while at < len(content):
        value, at = _varint(content, at)
        values.append(value)
    return values


def _value(content: bytes) -> Any:
    ((number, raw),) = _fields(content)
    if number == 1:
        return raw.decode()
    if number == 2:
        return struct.unpack("<f", raw)[0]
    if number == 3:
        return struct.unpack("<d", raw)[0]
    if number == 6:
        return (raw >> 1) ^ -(raw & 1)
    return bool(raw) if number == 7 else raw


def _layer(content: bytes) -> TileLayer:
    layer = TileLayer("", 4096, 1, [])
    keys: list[str] = []
    values: list[Any] = []
    raw_features: list[bytes] = []
    for number, value in _fields(content):
        if number == 1:
            layer.name = value.decode()
        elif number == 2:
            raw_features.append(value)
        elif number == 3:
            keys.append(value.decode())
        elif number == 4:
            values.append(_value(value))
        elif number == 5:
            layer.extent = value
        elif number == 15:
            layer.version = value
    for raw in raw_features:
        feature = TileFeature()
        for number, value in _fields(raw):
            if number == 1:
                feature.id = value
            elif number == 2:
                tags = _packed(value)
                for key, index in zip(tags[::2], tags[1::2], strict=True):
                    feature.attributes[keys[key]] = values[index]
            elif number == 3:
                feature.kind = value
            elif number == 4:
                feature.paths = _paths(_packed(value))
        layer.features.append(feature)
    return layer


def _paths(commands: list[int]) -> list[list[tuple[int, int]]]:
    paths: list[list[tuple[int, int]]] = []
    x = y = at = 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 7:
            paths[-1].append(paths[-1][0])
            continue
        for _ in range(count):
            dx, dy = commands[at], commands[at + 1]
            at += 2
            x += (dx >> 1) ^ -(dx & 1)
            y += (dy >> 1) ^ -(dy & 1)
            if command == 1:
                paths.append([(x, y)])
            else:
                paths[-1].append((x, y))
    return paths
