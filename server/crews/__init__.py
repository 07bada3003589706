"""Crews, their members, skills, kit and shifts: who could go.

Not here: where a crew is (`server.tracking`), what it is doing (`server.work`); a crew's status is
derived from its shift and its assignments and never stored.
"""
