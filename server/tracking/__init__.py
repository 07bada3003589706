"""Fixes: where crews on duty are and were.

Not here: whether a fix can be believed (`geo.track`), what an arrival means (`server.work`).
"""
