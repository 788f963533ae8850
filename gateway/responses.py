"""Answers of the bare ASGI endpoints."""

from starlette.types import Scope, Send

Headers = list[tuple[bytes, bytes]]
# ASGI extension of server.py: `send` takes an answer in one piece, `unhurried` lets a body take its time.
WHOLE = "ask0.whole"
# Likewise: `connections` knows when the server ends, so that an answer that goes on for long can end too.
ENDING = "ask0.ending"


async def send_bytes(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_answer(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    """As send_bytes, in one piece where the server can. `headers` are ours, or have come in a head: they are valid."""
    extension = scope.get("extensions", {}).pop(WHOLE, None)  # left in, it would make a cycle for the gc
    if extension:
        extension["send"](status, headers, body)
    else:
        await send_bytes(send, status, headers, body)


def json_headers(body: bytes) -> Headers:
    return [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
