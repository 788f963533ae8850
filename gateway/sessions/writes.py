"""What becomes of members' documents when somebody asks for it, and what they are told when nothing does."""

from collections.abc import Callable, Iterable

from ask0.catalog.errors import CatalogError, CatalogUnavailable, MovedOn
from ask0.catalog.members import By, LastOwner, Members, Wanted, write_wanted
from ask0.gateway.errors import Conflict, ServiceUnavailable

TRIES = 3


async def carry_out(members: Members, find: Callable[[], Iterable[Wanted]], by: By) -> None:
    """What `find` makes of how things are then, in order; once more where somebody else was first. The first has to
    stand, what comes after it may be gone already. Raises Conflict, ServiceUnavailable, and what `find` raises."""
    for left in reversed(range(TRIES)):
        try:
            wanted = [*find()]
            await write_wanted(members.replica, wanted[0], by)
        except MovedOn as error:
            if left:
                continue
            raise Conflict("somebody else changed this at the same time: look again", code="moved_on") from error
        except CatalogUnavailable as error:
            raise ServiceUnavailable(str(error)) from error
        except LastOwner as error:
            raise Conflict(str(error), code="last_owner") from error
        except CatalogError as error:
            raise Conflict(str(error), code="not_possible") from error
        break
    for one in wanted[1:]:
        try:
            await write_wanted(members.replica, one, by)
        except MovedOn:
            continue
        except CatalogUnavailable as error:
            raise ServiceUnavailable(str(error)) from error
