"""Real server processes in tests; see `infra.serving`."""

from infra.serving import Served, free_port, serving, settings_for

__all__ = ["Served", "free_port", "serving", "settings_for"]
