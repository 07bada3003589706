"""What every migration of a company's table does the same way: row-level security and grants.

Not here: columns and constraints (each migration writes its own).
"""

from __future__ import annotations

from alembic import op

APPLICATION_ROLE = "changming_app"
"""The role the servers connect as: it owns nothing and cannot bypass row-level security."""

_CURRENT = "(SELECT (NULLIF(current_setting('changming.company_id', true), ''))::uuid)"


def company_table(name: str, *, append_only: bool = False, column: str = "company_id") -> None:
    """Fence table `name`: only rows of the transaction's company exist for anyone, owner included.

    append_only: the application may insert and read, never update or delete (history).
    """
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    # The sub-select makes the setting an init-plan: read once per statement, not once per row.
    op.execute(
        f"CREATE POLICY company ON {name} "
        f"USING ({column} = {_CURRENT}) WITH CHECK ({column} = {_CURRENT})"
    )
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT {rights} ON {name} TO {APPLICATION_ROLE}")


def shared_table(name: str, rights: str = "SELECT") -> None:
    """Grant the application `rights` on a table that belongs to the deployment, not a company."""
    op.execute(f"GRANT {rights} ON {name} TO {APPLICATION_ROLE}")
