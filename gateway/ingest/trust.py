"""Traits that a page may not set: what it says of them is marked on the log, and becomes no fact."""

import msgspec
import orjson
from msgspec.structs import replace

from ask0.catalog.cache import CatalogCache
from ask0.catalog.collection import Collection
from ask0.schemas.events import Event
from ask0.schemas.properties import ALWAYS_TRUSTED, Properties, trusted_names

FEW = 8  # names that are sooner looked for than read

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Trust:
    def __init__(self, properties: Collection[Properties], catalog: CatalogCache) -> None:
        self._properties = properties
        self._catalog = catalog
        self._names: dict[str, tuple[int, frozenset[str]]] = {}

    def names(self, project_id: str) -> frozenset[str]:
        """Of traits that only the site's server sets."""
        stored = self._properties.get(project_id, project_id)
        if stored is None:
            return ALWAYS_TRUSTED
        version, names = self._names.get(project_id, (0, ALWAYS_TRUSTED))
        if version != stored.version:
            names = trusted_names(stored.document)
            self._names[project_id] = stored.version, names
        return names

    def mark(self, event: Event, project_id: str, *keys: object, proven: bool) -> Event:
        """An identify event, with the names it must not set. `proven`: a token that the site signed came with it."""
        if proven:
            return event
        names = self.names(project_id)
        properties = bytes(event.properties)
        if len(names) <= FEW and not any(orjson.dumps(name) in properties for name in names):
            return event
        if any(self._catalog.project_of_secret(key) == project_id for key in keys):
            return event
        claimed = names & _names.decode(properties).keys()
        return replace(event, ignored=tuple(sorted(claimed))) if claimed else event
