"""Work orders, assignments, and everything that comes back from the field.

Not here: whom to send (`server.dispatch`), what the incident or case makes of the outcome
(its room registers itself in `owners`).
"""
