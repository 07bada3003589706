"""Cases put straight into the table, for the rooms around them.

Belongs here: a case as it stands, where a test asks what another room makes of it. Does not belong
here: how cases come to stand there (the tests of cases).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from geo.coordinates import Datum
from server.cases.tables import Case
from server.cases.wire import CaseState
from server.db import Database, new_id
from server.policy.queries import pack_of
from server.policy.rules import customer_class_of
from server.policy.wire import Area
from server.policy.wire_processes import Outcome, Particulars
from tests.companies import PeopledCompany
from tests.scenes import CENTRE


async def file_case(
    database: Database,
    company: PeopledCompany,
    number: str,
    *,
    residential: bool = True,
    gas_on: datetime | None = None,
    process: str = "P02",
    **columns: Any,
) -> UUID:
    """A case of that number; `gas_on`: the gas came on then, and the case is closed."""
    async with database.begin(company.system) as tx:
        pack = await pack_of(tx)
        graph = next(one for one in pack.processes if one.id == process)
        ends = [one.id for one in graph.steps if one.outcome is Outcome.COMPLETED]
        class_ = customer_class_of(pack, Particulars(residential=residential))
        row = Case(
            id=new_id(),
            number=number,
            drill=columns.pop("drill", False),
            process=process,
            pack_version=pack.version,
            customer_class=class_.id,
            particulars={"residential": residential},
            applicant_name="张三丰",
            applicant_phone="19900001234",
            words="要通气",
            place_text="明德路 12 号 3 单元 502",
            place=f"SRID=4326;POINT({CENTRE[0]} {CENTRE[1]})",
            place_datum=Datum.WGS84.value,
            area=Area.URBAN.value,
            state=(CaseState.CLOSED if gas_on else CaseState.OPEN).value,
            outcome=Outcome.COMPLETED.value if gas_on else None,
            step=ends[0] if gas_on else graph.start,
            visit=1,
            entered_at=tx.now,
            visits={},
            taken={},
            facts={"gas_on": gas_on.isoformat()} if gas_on else {},
            dates={},
            channel="phone",
            sheet_version=1,
            received_at=tx.now,
            registered_by_name="系统",
            opened_at=tx.now,
            closed_at=gas_on,
        )
        for name, value in columns.items():
            setattr(row, name, value)
        tx.session.add(row)
        return row.id
