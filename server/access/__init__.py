"""Who may come in: companies, people, console sessions, paired phones, and the traces they leave.

Not here: what a role may do to an incident (the controllers' guards say it beside each route),
which crew a person belongs to (`server.crews`), how much of a name a role sees (`masking`).
"""
