"""Honest figures: clauses kept and not kept, ratios, and the rows every number is made of.

Belongs here: what is counted, how, and the sheets it is handed out in. Does not belong here: any
write (nothing is stored), how a clock runs (`server.promises`), how screens draw it.
"""
