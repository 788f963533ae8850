"""Conversations, of a user and of a project."""

from starlette.responses import Response

from ask0.gateway.api.reading import Paging, Reading
from ask0.gateway.errors import NotFound
from ask0.gateway.operations import Asked
from ask0.schemas.activity import ConversationQuery
from ask0.warehouse import conversations as stored
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import OLDEST, Moment, Page
from ask0.warehouse.whose import Person


class Conversations:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list(self, asked: Asked) -> Response:
        wanted = _wanted(asked.query)
        paging = Paging(asked, "conversations", *_subject(wanted))
        page = await self._reading.of_project(stored.read_page, asked, None, wanted, paging.after(), asked.query.limit)
        return paging.answer("conversations", page)

    async def of_user(self, asked: Asked) -> Response:
        wanted = _wanted(asked.query)
        paging = Paging(asked, "user conversations", asked.request.path_params["id"], *_subject(wanted))

        def read(warehouse: Warehouse, person: Person, after: Moment) -> Page:
            return stored.read_page(warehouse, person.project_id, person.id, wanted, after, asked.query.limit)

        return paging.answer("conversations", await self._reading.of_user(read, asked, paging.after()))

    async def one(self, asked: Asked) -> Response:
        """With its messages, page by page."""
        id = asked.request.path_params["id"]
        paging = Paging(asked, "messages", id)
        found = await self._reading.of_project(
            stored.read_conversation, asked, id, paging.after(OLDEST), asked.query.limit
        )
        if found is None:
            raise NotFound("there is no conversation with this id in the project", code="unknown_conversation")
        conversation, messages = found
        return paging.answer("messages", messages, conversation)


def _wanted(query: ConversationQuery) -> stored.Selection:
    return stored.Selection(query.sort, query.status, query.topic, query.unanswered, query.rating)


def _subject(wanted: stored.Selection) -> tuple[object, ...]:
    return wanted.sort, wanted.status, wanted.topic, wanted.unanswered, wanted.rating
