"""Bodies that are larger than any page's: only so many are under way at once, of one project fewer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ask0.gateway.errors import ServiceUnavailable
from ask0.schemas.events import MAX_BODY_BYTES

MAX_AT_ONCE = 16  # from before it is read until it is answered
MAX_OF_ONE = 4


class LargeBodies:
    def __init__(self) -> None:
        self._places = Counter[str]()  # taken, by project

    @contextmanager
    def place(self, project_id: str) -> Iterator[None]:
        """Raises ServiceUnavailable when there is none."""
        if self._places[project_id] >= MAX_OF_ONE:
            raise ServiceUnavailable(
                f"a project sends at most {MAX_OF_ONE} large bodies at once: wait for an answer", retry_after=1
            )
        if self._places.total() >= MAX_AT_ONCE:
            raise ServiceUnavailable("too many large bodies at once: send the same again", retry_after=1)
        self._places[project_id] += 1
        try:
            yield
        finally:
            self._places[project_id] -= 1
            self._places += Counter()  # without those of nobody


def may_be_large(headers: Mapping[bytes, bytes]) -> bool:
    """By the head: it is, or nobody can tell yet."""
    length = headers.get(b"content-length", b"")
    return not length.isdigit() or int(length) > MAX_BODY_BYTES or b"content-encoding" in headers
