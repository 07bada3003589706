"""The invented town, its callers and crews: demo, load generator and emergency drill.

The top room of the server: it may use every other, none uses it. What it plays goes through the
public APIs as anybody's calls and phones do, and every incident it makes is marked as a drill.
"""
