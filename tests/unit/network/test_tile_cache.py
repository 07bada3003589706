"""The tile cache keeps what is used and no more than it may."""

from uuid import UUID

from geo.tiles import Tile
from server.network.tile_cache import KeptTile, TileCache, TileKey

COMPANY = UUID(int=1)


def key(x: int, company: UUID = COMPANY, version: int = 1, layer: str = "roads") -> TileKey:
    return (company, version, layer, Tile(5, x, 0))


def test_a_tile_is_found_again_and_only_under_its_own_key() -> None:
    cache = TileCache()
    tile = KeptTile.of(b"roads")
    cache.put(key(1), tile)
    assert cache.get(key(1)) is tile
    assert cache.get(key(2)) is None
    assert cache.get(key(1, company=UUID(int=2))) is None
    assert cache.get(key(1, version=2)) is None
    assert cache.get(key(1, layer="areas")) is None


def test_the_least_recently_used_goes_first() -> None:
    cache = TileCache(max_bytes=3 * 1400)
    for x in (1, 2, 3):
        cache.put(key(x), KeptTile.of(bytes(1000)))
    assert cache.get(key(1)) is not None
    cache.put(key(4), KeptTile.of(bytes(1000)))
    assert cache.get(key(2)) is None
    assert all(cache.get(key(x)) for x in (1, 3, 4))


def test_putting_a_tile_again_does_not_count_it_twice() -> None:
    cache = TileCache(max_bytes=2 * 1400)
    for _ in range(50):
        cache.put(key(1), KeptTile.of(bytes(1000)))
    cache.put(key(2), KeptTile.of(bytes(1000)))
    assert cache.get(key(1)) is not None
    assert cache.get(key(2)) is not None


def test_a_tile_larger_than_the_cache_is_kept_alone() -> None:
    cache = TileCache(max_bytes=10)
    cache.put(key(1), KeptTile.of(bytes(1000)))
    cache.put(key(2), KeptTile.of(bytes(1000)))
    assert cache.get(key(1)) is None
    assert cache.get(key(2)) is not None


def test_the_tag_follows_from_the_content() -> None:
    assert KeptTile.of(b"a").etag == KeptTile.of(b"a").etag != KeptTile.of(b"b").etag
    assert KeptTile.of(b"a").etag.startswith('"')
