"""The load: events of a help-centre's size (about 540 bytes), each with its own id and one of many users."""

import uuid
from typing import Any

import orjson

from bench.load import http_request


def event(n: int, run: int) -> dict[str, Any]:
    return {
        "type": "track",
        "event": ("Question Asked", "Answer Given", "Page Viewed", "Button Clicked")[n % 4],
        "userId": f"user_{n % 5000}",
        "anonymousId": f"g-{uuid.UUID(int=n % 5000)}",
        "messageId": str(uuid.UUID(int=(run << 96) + n)),
        "timestamp": "2026-11-22T01:02:03.456Z",
        "properties": {
            "conversationId": f"conv_{n // 16}",
            "text": "How do I reset my password for the second workspace?",
            "topic": "account",
            "n": n,
        },
        "context": {
            "page": {"url": "https://example.com/help/articles/42", "path": "/help/articles/42", "title": "Help"},
            "library": {"name": "ask0.js", "version": "0.1.0"},
            "locale": "en-GB",
            "timezone": "Europe/Paris",
        },
    }


def single(n: int, run: int, write_key: str) -> bytes:
    return http_request("/v1/track", orjson.dumps(event(n, run)), write_key)


def batch(first: int, size: int, run: int, write_key: str) -> bytes:
    body = {"batch": [event(n, run) for n in range(first, first + size)], "sentAt": "2026-11-22T01:02:03.456Z"}
    return http_request("/v1/batch", orjson.dumps(body), write_key)
