"""The hotline desk (96977): every call from its ring to the answer its caller is owed.

Not here: incidents (a call may open or join one), crews, promises.
"""
