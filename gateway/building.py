"""From settings to a gateway that can serve: the one way to build it."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from ask0.catalog.cache import CatalogCache
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.eventlog.open import open_control, open_log
from ask0.gateway.app import create_app
from ask0.gateway.connections import make_connections
from ask0.gateway.health import Report
from ask0.gateway.ingest.lane import lane_protocol
from ask0.gateway.members import Member
from ask0.gateway.server import Protocol, Server, make_server
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse


def build_server(
    settings: Settings,
    warehouse: Warehouse,
    registry: CollectorRegistry,
    *,
    demo_project: str | None = None,
    reports: Mapping[str, Report] | None = None,
    member: Member | None = None,
    lane: bool = True,
) -> Server:
    """On the log of the settings, with a copy of the documents in their data folder. See `create_app`. Without the lane
    it is only slower."""
    app = create_app(
        settings,
        log=open_log(settings.log_dsn, group=settings.kafka_group, busy=True),
        warehouse=warehouse,
        catalog=CatalogCache(Replica(open_control(settings.log_dsn), settings.data_dir), seal_of(settings)),
        registry=registry,
        demo_project=demo_project,
        reports=reports,
        member=member,
    )
    return make_server(app, make_connections(settings, registry), lane_protocol(app) if lane else Protocol)
