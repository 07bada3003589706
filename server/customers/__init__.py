"""Customers: whom the company supplies, and their accounts.

Not here: premises (`server.places`), the cases by which customers come and go (`server.cases`), the
fees of a case (`server.fees`). No emergency ever asks this room anything.
"""
