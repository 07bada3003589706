"""Pure geography: coordinates, zones, roads, travel times, reach, tiles, tracks.

Here: what can be computed from points, shapes and graphs. Not here: the web, sessions, companies,
dispatch; nothing in this package imports `server`.
"""
