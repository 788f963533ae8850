"""Why the catalog cannot do what it was asked."""


class CatalogError(Exception):
    """The message says what to do."""


class KeyTaken(CatalogError):
    """A key that an operator has chosen is another project's."""


class UnknownKey(CatalogError):
    """No project has this write key."""


class MayNotSend(CatalogError):
    """A secret key without the scope for events."""


class CatalogUnavailable(CatalogError):
    """Nobody can tell now: it may be a new key, and the sender has to come again."""


class MovedOn(CatalogError):
    """A change was made from documents that somebody has changed meanwhile; nothing was done."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"somebody else changed {name} at the same time, so nothing was done: look again, then repeat it"
        )
        self.name = name


class TooManyDeactivated(CatalogError):
    """A project has as many deactivated users as it may have."""


class KeyReused(CatalogError):
    """The change's id had another change before, which is what counts."""

    def __init__(self) -> None:
        super().__init__("this change was sent with something else in it before: give it an id of its own")


class OutcomeUnknown(CatalogUnavailable):
    """The change may stand or not. The same change, with its id, may be sent again."""
