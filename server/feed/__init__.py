"""The feed (for machines), the timeline (for people) and receipts (for repeated requests).

Actions call `touch` for every thing they change and `note` for what people should read later;
edges wrap creating writes in `receipts.once`. Not here: delivery to sockets (`server.live`).
"""

from server.feed.actions import note, touch
from server.feed.receipts import once
from server.feed.representing import Kind, Representation, represents

__all__ = ["Kind", "Representation", "note", "once", "represents", "touch"]
