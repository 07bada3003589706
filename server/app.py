"""The console's application: all rooms' routes behind one edge.

Not here: what a phone may do (`field_client_api`), how an application is put together (`assembly`),
how processes are started (`infra`).
"""

from __future__ import annotations

from pathlib import Path

from litestar import Litestar

from server.access.authentication import ConsoleAuthentication
from server.access.http import ACCESS_CONTROLLERS
from server.assembly import Plan, assemble
from server.cases.http import CASES_CONTROLLERS
from server.crews.http import CrewController
from server.customers.http import CustomersController
from server.db import Database
from server.dispatch.http import AlarmsController, DispatchController
from server.drill.http import DemoController
from server.fees.http import FeesController
from server.followup.http import FOLLOWUP_CONTROLLERS
from server.forms.http import FormsController
from server.hotline.http import HotlineController
from server.incidents.http import IncidentOrdersController, IncidentsController
from server.intake.http import LeadsController, PushController, PushKeysController
from server.live.http import LiveController
from server.network.http import NetworkController
from server.notices.http import OutagesController
from server.papers.http import PapersController
from server.places.http import PlacesController
from server.policy.http import CalendarController, PolicyController
from server.promises.http import ClocksController, ExemptionsController
from server.reporting.http import REPORTING_CONTROLLERS
from server.settings import Settings
from server.tracking.http import TrackController
from server.work.http import AssignmentController, PlannedWorkController

PLAN = Plan(
    title="Changming console API",
    about="What the console's screens ask and are told.",
    path="/api",
    api_folders=("api", "push", "tiles"),
    screens=Path(__file__).parent / "console" / "dist",
    middleware=ConsoleAuthentication,
    max_body_bytes=1_000_000,
    routes=[
        *ACCESS_CONTROLLERS,
        NetworkController,
        PlacesController,
        PolicyController,
        CalendarController,
        CustomersController,
        PapersController,
        FeesController,
        IncidentsController,
        IncidentOrdersController,
        ClocksController,
        ExemptionsController,
        *CASES_CONTROLLERS,
        FormsController,
        *FOLLOWUP_CONTROLLERS,
        OutagesController,
        LeadsController,
        PushKeysController,
        PushController,
        HotlineController,
        *REPORTING_CONTROLLERS,
        DispatchController,
        AlarmsController,
        CrewController,
        TrackController,
        AssignmentController,
        PlannedWorkController,
        LiveController,
        DemoController,
    ],
)


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Litestar:
    """The console application (ASGI). Without arguments it reads the environment, for uvicorn.

    database: an open one to use instead (tests); the caller then disposes of it.
    """
    return assemble(PLAN, settings, database)
