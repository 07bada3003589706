"""Incidents (险情): a leak, fire, poisoning or other urgent fault, until its review.

Not here: calls and callers (`hotline`), crews and what they do (`work`), who is sent (`dispatch`).
"""
