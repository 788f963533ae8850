"""What can go wrong with ClickHouse, by what the catcher does about it."""


class Unavailable(Exception):
    """ClickHouse is away, busy, or did not answer in time: wait and do the same again, with the same bounds."""


class TooLarge(Unavailable):
    """The statement needs more memory than it may take: do it in parts. Unless `by_itself`, it may also fit when others
    need less."""

    def __init__(self, message: str, *, by_itself: bool = False) -> None:
        super().__init__(message)
        self.by_itself = by_itself


class Refused(Exception):
    """ClickHouse will never take this data: a value does not fit its column. Find the row and quarantine it."""


class QueryFailed(Exception):
    """The statement itself is wrong or not allowed; `code` is ClickHouse's error number."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
