"""What is said of a statement that cannot be answered: what is wrong and where, and nothing of what lies beneath."""

import re
from typing import Any

from ask0.clickhouse_http.codes import Code
from ask0.gateway.errors import GatewayError, ServiceUnavailable, Unprocessable
from ask0.warehouse.errors import QueryFailed, Refused, TooLarge, Unavailable

MOST_CHARACTERS = 400

# By ClickHouse's number, what it comes to.
LIMITS = {
    158: "it reads too many rows: ask for fewer days, or of fewer tables",
    159: "it takes longer than {seconds:g} s: ask for fewer days, or group before you join",
    241: "it takes more memory than {memory} MB: ask for fewer days or columns, or group by less",
    307: "it reads too many bytes: ask for fewer days or columns",
    396: "its answer is larger than {result} MB: ask for fewer columns or rows",
}
NAME = re.compile(r"\s*\(([A-Z][A-Z0-9_]+)\)\s*$")
NUMBER = re.compile(r"(?:Received ClickHouse exception, )?[Cc]ode: (\d+)(?:\. DB::Exception|, server response): ")
AT = re.compile(r"failed at position (\d+)")
# What follows tells of the text that was made of the statement, of files, or of the server's inside.
INSIDE = re.compile(
    r":? ?\(?(In scope |[Ww]hile (executing|processing|reading|converting|evaluating)|Stack trace|: ?in file"
    r"|\(?in query|There are[^.]*columns|Actual SELECT|for query|when reading)"
)
HIDDEN = re.compile(r"PREWHERE|_rows\b|/[\w.-]+/[\w./-]+|\bt[0-9a-f]{32}\b|_version|ask0_")


def refusal(error: Exception, *, text: str, seconds: float, memory: int, result: int) -> GatewayError:
    """`text` is the statement, `memory` and `result` its bounds in MB."""
    message = str(error)
    code = error.code if isinstance(error, QueryFailed) else None
    if code is None and (found := NUMBER.search(message)):
        code = int(found[1])
    if code in LIMITS and "position" not in message:
        said = LIMITS[code].format(seconds=seconds, memory=memory, result=result)
        return Unprocessable(f"this cannot be answered: {said}", code="statement_too_large")
    if isinstance(error, TooLarge):
        said = LIMITS[241].format(memory=memory)
        return Unprocessable(f"this cannot be answered: {said}", code="statement_too_large")
    if isinstance(error, Unavailable) or code in (Code.TOO_MANY_SIMULTANEOUS_QUERIES, Code.UNKNOWN_EXCEPTION):
        return ServiceUnavailable("ClickHouse does not answer now")
    if not isinstance(error, (QueryFailed, Refused)):
        raise error
    if code == 46 and "parseQueryToJSON" in message:
        return Unprocessable(
            "this ClickHouse server is too old to have statements checked: it needs parseQueryToJSON of version 26.9",
            code="statement_refused",
        )
    return Unprocessable(_words(message), code="statement_refused", **_place(message, text))


def _words(message: str) -> str:
    said = NUMBER.sub("", message)
    found = NAME.search(said)
    said = NAME.sub("", said)
    said = INSIDE.split(said, maxsplit=1)[0]
    said = said.removeprefix("Not enough privileges: ").replace(" to read-only users", " here")
    said = said.replace("read-only users may not use", "is not open here")
    said = " ".join(said.split())[:MOST_CHARACTERS].rstrip(" .:,(")
    if not said or HIDDEN.search(said):
        return f"ClickHouse cannot answer this{f' ({found[1]})' if found else ''}"
    return said[0].lower() + said[1:] if said[1:2].islower() else said


def _place(message: str, text: str) -> dict[str, Any]:
    """Where it is wrong, if that is told: the character from 1 on, and its line."""
    found = AT.search(message)
    if found is None:
        return {}
    raw = text.encode()
    before = raw[: max(int(found[1]) - 1, 0)].decode(errors="replace")
    position = len(before) + 1
    line = before.count("\n") + 1
    return {"position": min(position, len(text) + 1), "line": line}
