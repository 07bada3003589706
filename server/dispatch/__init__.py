"""Dispatch: who goes, why, and what is late.

Here: recommendations (ranked, explained, stored, replayable), sending a crew by one, alarms, and
the watch that raises them. Not here: the assignment's own life (`server.work`), travel times
(`geo.travel`), promises (`server.promises`).
"""
