"""The users of a project, for a command: what the project has defined, and ClickHouse where they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
import orjson

from ask0.catalog.documents import catalog_of
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.cli.connection import open_tables
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.schemas.filters import spellings
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.types import EVERYONE, Filter
from ask0.schemas.listing import ListingInvalid, Place, read_search, read_sort
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Condition, compile_filter
from ask0.warehouse.user_lists import Listing, count_users, read_page
from ask0.warehouse.users import read_profile


@dataclass(frozen=True)
class Users:
    """Of one project, as the API shows them."""

    warehouse: Warehouse
    project_id: str
    definitions: ProjectDefinitions

    def find(self, id: str) -> dict[str, Any] | None:
        profile = read_profile(self.warehouse, self.project_id, id)
        return self.definitions.finish(self.project_id, profile) if profile else None

    def pages(self, listing: Listing, size: int) -> Iterator[list[dict[str, Any]]]:
        after: list[Place] | None = None
        while True:
            page = read_page(self.warehouse, listing, after, size)
            yield [self.definitions.finish(self.project_id, user) for user in page.users]
            after = page.after
            if after is None:
                return

    def listing(self, filter_json: str | None, search: str, sort: str = "") -> Listing:
        try:
            return Listing(self.project_id, self._condition(filter_json), read_search(search), sort=read_sort(sort))
        except ListingInvalid as error:
            raise click.UsageError(f"--{error.at}: {error}") from None
        except FilterInvalid as error:
            raise click.UsageError("; ".join(f"{at}: {message}" for at, message in error.details)) from None

    def count(self, filter: Filter) -> int:
        """Raises FilterInvalid."""
        return count_users(self.warehouse, Listing(self.project_id, self._compiled(filter)))

    def _condition(self, filter_json: str | None) -> Condition:
        try:
            filter = EVERYONE if filter_json is None else spellings.read(orjson.loads(filter_json))
        except orjson.JSONDecodeError as error:
            raise click.UsageError(f"--filter is not JSON: {error}") from None
        return self._compiled(filter)

    def _compiled(self, filter: Filter) -> Condition:
        return compile_filter(filter, self.definitions.compiling(self.project_id))


@contextmanager
def open_users(project: str | None) -> Iterator[Users]:
    settings = read_settings()

    async def define(replica: Replica) -> tuple[str, ProjectDefinitions]:
        owner = find_project(catalog_of(replica.state), project)
        return owner.id, ProjectDefinitions(replica)

    project_id, definitions = with_documents(settings, define)
    with open_tables(settings) as warehouse:
        yield Users(warehouse, project_id, definitions)


def unknown_user(id: str) -> Failure:
    return Failure(f"nobody with the id {id!r} has been met in the project")
