"""Intake: projects that government platforms push, until each is a case.

Not here: the case (`server.cases`), what customers ask by telephone (`server.hotline`).
"""
