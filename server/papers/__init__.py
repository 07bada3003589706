"""Papers: what a customer must hand in for a case, what is missing, and what is accepted later.

Not here: what the company itself issues (`server.forms`), when a step may be left (`server.cases`
asks this room for the gaps).
"""
