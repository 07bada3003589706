"""Places: zones, stations, and the premises that customers live and work in.

Not here: roads and the drawn map (`server.network`), the minutes a zone promises
(`server.policy`), where crews are (`server.tracking`).
"""
