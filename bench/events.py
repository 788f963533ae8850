"""The load: events of a help centre, each with its own id, text, page and one of many users, as varied as real ones."""

import random
import uuid
from functools import cache
from itertools import product
from typing import Any

import orjson

from bench.load import http_request

WORDS = 3_000
PAGES = 800
USERS = 5_000
NAMES = ("Question Asked", "Answer Given", "Page Viewed", "Button Clicked")
OWN_NAMES = tuple(f"{what} {done}" for what, done in product(("Plan", "Invite", "Export", "Tour"), ("Opened", "Done")))
LOCALES = ("en-GB", "en-US", "de-DE", "fr-FR", "es-ES", "pt-BR", "ja-JP", "nl-NL", "it-IT", "pl-PL", "sv-SE", "ko-KR")
ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Europe/London", "America/Sao_Paulo", "Asia/Kolkata")


@cache
def vocabulary() -> tuple[list[str], list[float]]:
    """Words, and how often each is used: a few often, most of them seldom, as in a language."""
    chance = random.Random(1)
    syllables = ["".join(pair) for pair in product("bcdfghjklmnprstvw", "aeiou")]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(WORDS)]
    return words, [1 / (rank + 3) for rank in range(WORDS)]


def text(chance: random.Random, least: int, most: int) -> str:
    words, weights = vocabulary()
    return " ".join(chance.choices(words, weights, k=chance.randint(least, most)))


@cache
def page(number: int) -> dict[str, str]:
    title = text(random.Random(number), 2, 7)
    path = f"/help/articles/{number}/{title.replace(' ', '-')}"
    return {"url": f"https://example.com{path}", "path": path, "title": title}


def event(n: int, run: int) -> dict[str, Any]:
    """About 600 bytes; the same for the same `n` but for its messageId."""
    chance = random.Random(n)
    user = chance.randrange(USERS)
    return {
        "type": "track",
        "event": chance.choice(NAMES) if n % 8 else chance.choice(OWN_NAMES),
        "userId": f"user_{user}",
        "anonymousId": f"g-{uuid.UUID(int=user)}",
        "messageId": str(uuid.UUID(int=(run << 96) + n)),
        "timestamp": f"2026-11-22T01:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z",
        "properties": {
            "conversationId": f"conv_{n // 16}",
            "text": text(chance, 4, 24),
            "topic": chance.choice(("account", "billing", "export", "teams", "api")),
            "latencyMs": chance.randrange(4_000),
            "n": n,
        },
        "context": {
            "page": page(chance.randrange(PAGES)),
            "library": {"name": "ask0.js", "version": "0.1.0"},
            "locale": LOCALES[user % len(LOCALES)],
            "timezone": ZONES[user % len(ZONES)],
            "screen": {"width": 1280 + 16 * (user % 40), "height": 720 + 8 * (user % 50)},
        },
    }


def single(n: int, run: int, write_key: str) -> bytes:
    return http_request("/v1/track", orjson.dumps(event(n, run)), write_key)


def batch(first: int, size: int, run: int, write_key: str) -> bytes:
    body = {"batch": [event(n, run) for n in range(first, first + size)], "sentAt": "2026-11-22T01:02:03.456Z"}
    return http_request("/v1/batch", orjson.dumps(body), write_key)
