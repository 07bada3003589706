"""A flat plane in metres around one place, for snapping, closures and rasters.

Belongs here: the equirectangular projection of a city's surroundings and its inverse.
Does not belong here: datums (coordinates), map projections for display (tiles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.coordinates import EARTH_RADIUS_M
from geo.roads_network import FloatArray

_METRES_PER_DEGREE = float(np.radians(1.0)) * EARTH_RADIUS_M


@dataclass(frozen=True)
class LocalPlane:
    """Metres east and north of (lon0, lat0), degrees.

    True along the parallel of lat0; 30 km north or south of it eastings are wrong by under 0.5 %,
    which is far below what a GPS gap or a 150 m raster cell notices.
    """

    lon0: float
    lat0: float

    def project(self, lon: FloatArray, lat: FloatArray) -> FloatArray:
        """Points as float64[k, 2] metres."""
        east = (np.asarray(lon) - self.lon0) * (_METRES_PER_DEGREE * np.cos(np.radians(self.lat0)))
        north = (np.asarray(lat) - self.lat0) * _METRES_PER_DEGREE
        return np.column_stack((east, north))

    def unproject(self, metres: FloatArray) -> FloatArray:
        """The inverse of `project`: float64[k, 2] of longitude, latitude."""
        lon = self.lon0 + metres[:, 0] / (_METRES_PER_DEGREE * np.cos(np.radians(self.lat0)))
        lat = self.lat0 + metres[:, 1] / _METRES_PER_DEGREE
        return np.column_stack((lon, lat))

    def flatten(self, geometries: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """An array of WGS-84 geometries, in metres."""
        flat = shapely.transform(
            geometries, lambda points: self.project(points[:, 0], points[:, 1])
        )
        return np.asarray(flat, dtype=np.object_)
