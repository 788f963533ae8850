"""What a user was shown and served: in-app messages and configs."""

from starlette.responses import Response

from ask0.gateway.api.reading import Paging, Reading
from ask0.gateway.operations import Asked
from ask0.warehouse.served import read_configs, read_messages


class UserServed:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def messages(self, asked: Asked) -> Response:
        paging = Paging(asked, "shown messages", asked.request.path_params["id"])
        page = await self._reading.of_user(read_messages, asked, paging.after(), asked.query.limit)
        return paging.answer("messages", page)

    async def configs(self, asked: Asked) -> Response:
        paging = Paging(asked, "served configs", asked.request.path_params["id"])
        page = await self._reading.of_user(read_configs, asked, paging.after(), asked.query.limit)
        return paging.answer("configs", page)
