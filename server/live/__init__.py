"""What the consoles see: the snapshot, the live socket, an incident's whole page.

Not here: any write. Reads rooms below; knows nothing of drills.
"""
