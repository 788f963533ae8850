"""The error numbers of ClickHouse that the interface itself gives, and the HTTP status of any number."""

from enum import IntEnum

from ask0.warehouse.errors import QueryFailed


class Code(IntEnum):
    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    NOT_IMPLEMENTED = 48
    UNKNOWN_TABLE = 60
    SYNTAX_ERROR = 62
    UNKNOWN_FORMAT = 73
    UNKNOWN_DATABASE = 81
    UNKNOWN_SETTING = 115
    TOO_DEEP_AST = 167
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    QUERY_IS_TOO_LARGE = 307
    CANNOT_DECOMPRESS = 354
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


# As ClickHouse's own HTTP handler has it, but for 202, which it gives 500: clients repeat a query after 503.
_STATUSES = {
    **dict.fromkeys(
        (6, 25, 26, 27, 36, 38, 41, 42, 43, 44, 53, 56, 62, 72, 117, 158, 167, 168, 306, 321, 376, 427, 457), 400
    ),
    **dict.fromkeys((497, 516), 403),
    **dict.fromkeys((46, 47, 50, 60, 63, 73, 81, 115), 404),
    159: 408,
    307: 413,
    48: 501,
    202: 503,
}


def failed(code: Code, message: str) -> QueryFailed:
    return QueryFailed(f"{message} ({code.name})", int(code))


def message_of(failure: QueryFailed) -> str:
    return f"Code: {failure.code}. DB::Exception: {failure}\n"


def failure_block(failure: QueryFailed, tag: str) -> bytes:
    """How ClickHouse tells of an error in an answer that has begun."""
    message = message_of(failure)
    size = len(message.encode())
    return f"\r\n__exception__\r\n{tag}\r\n{message}{size} {tag}\r\n__exception__\r\n".encode()


def status_of(failure: QueryFailed) -> int:
    return _STATUSES.get(failure.code or 0, 500)
