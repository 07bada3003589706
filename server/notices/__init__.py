"""Notices of planned work that interrupts supply: lead times, hours, addresses, consents.

Not here: the printed form (`server.forms`), the work itself (`server.work`), an outage of an
incident before anybody announces them.
"""
