"""Why the catalog cannot do what it was asked."""


class CatalogError(Exception):
    """The message says what to do."""


class KeyTaken(CatalogError):
    """A key that an operator has chosen is another project's."""


class UnknownKey(CatalogError):
    """No project has this write key."""


class CatalogUnavailable(CatalogError):
    """Nobody can tell now: it may be a new key, and the sender has to come again."""
