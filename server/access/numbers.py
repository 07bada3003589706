"""Numbers that people say: running, for each company, series and day of its own time zone.

Not here: ids, which nobody says.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert

from server.access.queries import company
from server.access.tables import NumberSeries
from server.db import Tx


async def daily_number(tx: Tx, series: str, at: datetime) -> str:
    """The next number of `series` on the company's day of `at`, e.g. `20261121-0007`.

    Without holes, because it is given in the transaction that uses it; so its row stays locked
    until the commit, and is asked for as late as possible.
    """
    day = at.astimezone(ZoneInfo((await company(tx)).time_zone)).strftime("%Y%m%d")
    number: int | None = await tx.session.scalar(
        insert(NumberSeries)
        .values(series=f"{series}-{day}", last=1)
        .on_conflict_do_update(
            index_elements=[NumberSeries.company_id, NumberSeries.series],
            set_={"last": NumberSeries.last + 1},
        )
        .returning(NumberSeries.last)
    )
    assert number is not None
    return f"{day}-{number:04d}"
