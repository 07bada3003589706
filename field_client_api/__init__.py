"""What a crew's phone may do: an ASGI application and a trust zone of its own.

Belongs here: pairing, the phone's work, actions and fixes, over the public API. Does not belong
here: rules, SQL and the console (`server`).
"""
