"""Promises: the running clocks of a company's clauses, and claims that a late one be excused.

Here: when a clock starts, what stops it, its arithmetic in both languages, exemptions and their
rulings. Not here: the clauses themselves (`server.policy`), raising alarms about running clocks
(`server.dispatch`), what an incident does about it (`server.incidents`).
"""
