"""Which of our errors a failure is: wait, do it in parts, give up the data, or mend the statement."""

from clickhouse_connect.driver.exceptions import DataError, Error, OperationalError

from ask0.warehouse.errors import QueryFailed, Refused, TooLarge, Unavailable

# ClickHouse's error numbers and names. A number that is in none of the tables is QueryFailed.
AWAY_OR_BUSY = {
    3: "UNEXPECTED_END_OF_FILE",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    173: "CANNOT_ALLOCATE_MEMORY",
    198: "DNS_ERROR",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    204: "CANNOT_FSYNC",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    244: "UNEXPECTED_ZOOKEEPER_ERROR",
    252: "TOO_MANY_PARTS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
    319: "UNKNOWN_STATUS_OF_INSERT",
    364: "RECEIVED_ERROR_TOO_MANY_REQUESTS",
    373: "SESSION_IS_LOCKED",
    394: "QUERY_WAS_CANCELLED",
    425: "SYSTEM_ERROR",
    439: "CANNOT_SCHEDULE_TASK",
    473: "DEADLOCK_AVOIDED",
    692: "TOO_MANY_MUTATIONS",
    733: "TABLE_IS_BEING_RESTARTED",
    745: "SERVER_OVERLOADED",
    749: "TCP_CONNECTION_LIMIT_REACHED",
    762: "HTTP_CONNECTION_LIMIT_REACHED",
    776: "RESOURCE_LIMIT_EXCEEDED",
    999: "KEEPER_EXCEPTION",
}
TOO_LARGE = {
    191: "SET_SIZE_LIMIT_EXCEEDED",
    241: "MEMORY_LIMIT_EXCEEDED",
    755: "TOO_LARGE_LIGHTWEIGHT_UPDATES",
}
MEMORY_LIMIT_EXCEEDED = 241
OF_ONE_QUERY = "Query memory limit"  # and not that of the server, which others use up
WRONG_DATA = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    376: "CANNOT_PARSE_UUID",
    407: "DECIMAL_OVERFLOW",
    467: "CANNOT_PARSE_BOOL",
    469: "VIOLATED_CONSTRAINT",
    691: "UNKNOWN_ELEMENT_OF_ENUM",
}


def translate(error: Exception) -> Exception:
    """The error to raise for one of clickhouse-connect's, or of the operating system's."""
    code = error.code if isinstance(error, Error) else None
    message = str(error)
    if code in WRONG_DATA or isinstance(error, DataError):
        return Refused(message)
    if code in TOO_LARGE:
        return TooLarge(message, by_itself=code != MEMORY_LIMIT_EXCEEDED or OF_ONE_QUERY in message)
    if code in AWAY_OR_BUSY or (code is None and _gave_no_answer(error, message)):
        return Unavailable(message)
    return QueryFailed(message, code)


def _gave_no_answer(error: Exception, message: str) -> bool:
    """Nothing of ClickHouse's own came back: no connection, no file, a proxy's 502, an engine that does not start."""
    return isinstance(error, (OperationalError, OSError)) or "HTTP status 5" in message or "chdb engine" in message
