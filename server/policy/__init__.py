"""Policy: what each company has promised and how it works, as data (one folder of TOML per pack).

Here: the packs, their loading and validation, and the pure decisions read straight from them
(class of an incident, clauses that apply). Not here: running clocks (`server.promises`), who goes
(`server.dispatch`).
"""
