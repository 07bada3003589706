"""What a connecting screen is told."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.access.wire import CompanyView
from server.dispatch.wire import AlarmView
from server.hotline.wire import CallView
from server.incidents.wire import IncidentView
from server.network.wire import ClosureView
from server.places.queries import StationAt
from server.promises.wire import ClockView
from server.tracking.wire import Position
from server.work.wire import AssignmentView, CrewView, WorkOrderView


class ServerTime(msgspec.Struct, frozen=True):
    """Business time, and how fast it runs (1 outside drills)."""

    now: datetime
    speed: float


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a desk shows, as of change `seq`; ask for the changes after it on the socket."""

    seq: int
    time: ServerTime
    company: CompanyView
    incidents: list[IncidentView]
    calls: list[CallView]
    work_orders: list[WorkOrderView]
    assignments: list[AssignmentView]
    clocks: list[ClockView]
    crews: list[CrewView]
    alarms: list[AlarmView]
    closures: list[ClosureView]
    stations: list[StationAt]
    positions: list[Position]
