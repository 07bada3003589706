"""Fees: what a case costs its customer, by the rules of the pack.

Not here: the customer's account (`server.customers`), when a step may be left (`server.cases` asks
whether everything is settled). No emergency ever asks this room anything.
"""
