"""After the work: call-backs, the issues they find, visits, and duties that come round.

Not here: complaints (cases of process P19), calls that come in (`server.hotline`).
"""
