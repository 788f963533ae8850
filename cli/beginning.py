"""What has to be there before anybody can send: the documents of before, and the first project."""

from ask0.catalog.documents import catalog_of
from ask0.catalog.entry import enter_rows
from ask0.catalog.projects import NewProject, bootstrap
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.schemas.catalog import Catalog
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse


async def begin(replica: Replica, warehouse: Warehouse, settings: Settings) -> tuple[NewProject | None, Catalog]:
    """Safe to repeat, and for several processes at once. Raises Unavailable, CatalogUnavailable."""
    await enter_rows(replica, warehouse, seal_of(settings))
    new = await bootstrap(replica, settings)
    return new, catalog_of(replica.state)


def needs_entry(warehouse: Warehouse) -> bool:
    """Whether there are rows of before there was a control stream; most of them are on it by now."""
    return bool(warehouse.query("SELECT count() FROM catalog")[0][0])
