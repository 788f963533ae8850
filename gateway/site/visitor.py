"""What a page may read of its visitor: a guest's own traits, a user's for the token that proves the user."""

from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.project_settings import ProjectSettings
from ask0.gateway.errors import BadRequest, Forbidden
from ask0.gateway.ingest.verification import token_of
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.schemas import wire
from ask0.schemas.consent import PERSONALIZATION
from ask0.schemas.events import parse_id
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import InvalidEvent, Reason
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import read_user

NOT_VERIFIED = "this project cannot check who a user is: make a key with `ask0 verification add`, sign a userToken"


class Visitor:
    def __init__(
        self, catalog: CatalogCache, warehouse: Warehouse, questions: Questions, settings: ProjectSettings
    ) -> None:
        self._catalog = catalog
        self._warehouse = warehouse
        self._questions = questions
        self._settings = settings

    async def user(self, asked: Asked) -> Response:
        """{"user": {"id", …traits}}, or null for someone who is not known yet, or has denied that pages are made for
        them."""
        project_id = asked.caller.project_id
        project = self._catalog.current.projects.get(project_id)
        readable = project.verification.readable if project else ()
        whose = self._identify(asked.body, project_id)
        unless = PERSONALIZATION if self._settings.enforces_consent(project_id) else ""
        user = await self._questions.ask(read_user, self._warehouse, project_id, whose, readable, unless)
        return JSONResponse({"user": user}, headers={"cache-control": "no-store"})

    def _identify(self, asked: wire.Visitor, project_id: str) -> str:
        """Whose row the visitor may read. Raises BadRequest, Forbidden."""
        try:
            user_id = parse_id(asked.user_id, "userId")
            anonymous_id = parse_id(asked.anonymous_id, "anonymousId")
        except InvalidEvent as why:
            raise BadRequest(why.message, code=why.reason) from None
        if user_id.startswith("g-"):
            user_id, anonymous_id = "", anonymous_id or user_id
        if not user_id and not anonymous_id:
            raise BadRequest("say who asks: an anonymousId, or a userId with its userToken", code=Reason.MISSING_USER)
        if not user_id:
            return guest_id(anonymous_id)
        verifier = self._catalog.verifiers.get(project_id)
        if verifier is None:
            raise Forbidden(NOT_VERIFIED, code="not_verified")
        token = token_of(asked.user_token, asked.context)
        if not token:
            raise Forbidden("a user's traits are read with a userToken", code=Reason.TOKEN_MISSING)
        try:
            verifier.check(token, user_id)
        except InvalidEvent as why:
            raise Forbidden(why.message, code=why.reason) from None
        return user_id
