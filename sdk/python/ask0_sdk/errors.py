"""What goes wrong: one error for requests, one for data that JSON cannot carry."""

from collections.abc import Sequence
from typing import Any

NO_ANSWER = "no_answer"
UNREADABLE = "unreadable_answer"


class Ask0Error(Exception):
    """A request that did not do what it should, after all its tries.

    `status` is HTTP's, 0 where no answer came. `code` is the server's word for programs, or of this SDK `no_answer`
    and `unreadable_answer`. `details` are the server's, such as `{"at": "traits.seats", "message": …}`. `request_id`
    finds the request in the server's log. `retry_after` is in seconds, None if the server did not say.
    With 412 `current` is what there is now. Of a file that was taken in in part `report` says how far.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Any] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        current: Any = None,
        report: Any = None,
    ) -> None:
        super().__init__(
            status, code, message, details, request_id, retry_after, current, report
        )  # whole, so that it can be pickled
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        self.current = current
        self.report = report

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status or 'no answer'} {self.code}: {self.message}{request}"


class NotJson(ValueError):
    """Something that JSON cannot carry, such as NaN, a file or an object that holds itself.

    `problems` says where and why. Of an event those parts are left out, and `on_error` is told; the API's calls raise.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)
