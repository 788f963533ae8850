"""Stands in for the network: keeps every request, and answers as it is told."""

import json
from typing import Any

import httpx

from tests.sdk.python.clients import Client


class Recorder:
    """`answers` are given in turn, the last one for ever; an exception is raised in place of an answer."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.seen: list[httpx.Request] = []
        self._answers = answers or (httpx.Response(200, json={}),)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers[min(len(self.seen), len(self._answers) - 1)]
        self.seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self, kind: type[Client], **options: Any) -> Any:
        return kind("sk_secret", "https://ask0.example.com", transport=httpx.MockTransport(self), **options)

    @property
    def last(self) -> httpx.Request:
        return self.seen[-1]

    @property
    def body(self) -> Any:
        return json.loads(self.last.content) if self.last.content else None
