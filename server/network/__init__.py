"""The network: roads and the drawn map by import version, closures, and travel by road.

Not here: zones and premises (`server.places`), which crew goes (`server.dispatch`), reading OSM
files and searching graphs (`geo`).
"""
