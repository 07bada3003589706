"""The feed (for machines), the timeline (for people) and receipts (for repeated requests).

Actions call `touch` for every thing they change and `note` for what people should read later;
edges wrap creating writes in `receipts.once`. Not here: delivery to sockets (`server.live`).
"""

from server.feed.actions import Kind, Representation, note, represents, touch
from server.feed.receipts import once

__all__ = ["Kind", "Representation", "note", "once", "represents", "touch"]
