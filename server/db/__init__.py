"""The database's ground floor: rows that belong to a company, one transaction, one commit.

Not here: any table with a meaning of its own (its room has it).
"""

from server.db.rows import (
    Base,
    CompanyOwned,
    Versioned,
    fk,
    moment,
    new_id,
    one_of,
    point_column,
)
from server.db.tx import Database, Tx

__all__ = [
    "Base",
    "CompanyOwned",
    "Database",
    "Tx",
    "Versioned",
    "fk",
    "moment",
    "new_id",
    "one_of",
    "point_column",
]
