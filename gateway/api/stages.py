"""Stages: where users are, by rules that a project tries in order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import Response

from ask0.catalog.definitions import now
from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes, Request
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import project_of
from ask0.gateway.errors import MovedOn, ServiceUnavailable, invalid
from ask0.gateway.operations import Asked
from ask0.schemas.api import StageFields
from ask0.schemas.changes import name_of
from ask0.schemas.documents import Stage, Stages
from ask0.schemas.filters import spellings, types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.inline import StageRule, leaves
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write
from ask0.schemas.ids import is_text
from ask0.schemas.segments import STAGES, definitions
from ask0.schemas.stages import check, check_together
from ask0.warehouse.filters import compile_filter

ATTEMPTS = 5  # at stages that refer to segments, of which one may change meanwhile


class StageDocuments:
    def __init__(self, defined: ProjectDefinitions, changes: Changes) -> None:
        self._defined = defined
        self._stored = defined.stages
        self._changes = changes

    async def get(self, asked: Asked) -> Response:
        return self._answer(project_of(asked))

    async def put(self, asked: Asked) -> Response:
        """All of the project's, in place of those before."""
        project_id, given = project_of(asked), asked.body.stages
        expected = expected_version(asked)
        filters = [_read(one, f"stages[{place}]") for place, one in enumerate(given)]
        said = msgspec.json.encode(
            [[one.id, one.name, write(filter)] for one, filter in zip(given, filters, strict=True)]
        )
        request = self._changes.request(asked, "", said)
        ids = _ids(given, self._present(project_id), request)
        rules = [StageRule(id, one.name, filter) for id, one, filter in zip(ids, given, filters, strict=True)]
        await self._write(request, rules, expected)
        return self._answer(project_id)

    async def _write(self, request: Request, rules: Sequence[StageRule], expected: int | None) -> None:
        """Made from what the rules refer to: no segment may become another one meanwhile. Those may be other
        projects', so it is tried again."""
        project_id, segments = request.project_id, self._defined.segments
        stages = tuple(Stage(id=rule.id, name=rule.name, filter=write(rule.filter)) for rule in rules)
        refers = any(isinstance(leaf, types.Segment) for rule in rules for _, leaf in leaves(rule.filter))
        for attempt in range(ATTEMPTS):
            expects = {} if expected is None else {name_of(self._stored.kind, project_id): expected}
            expects |= {segments.kind: segments.version} if refers else {}
            self._check(project_id, rules)
            again = request if not attempt else request._replace(id=f"{request.id}.{attempt}")
            document = Stages(project_id=project_id, stages=stages)
            try:
                await documents.write(self._stored, again, project_id, document, "stages.changed", expects)
                return
            except MovedMeanwhile as error:
                if error.name != segments.kind:
                    raise MovedOn(
                        "somebody else has changed the stages: look at `current`", current=self._shown(project_id)
                    ) from None
        raise ServiceUnavailable("segments change too often now: send it again", retry_after=1)

    def _check(self, project_id: str, rules: Sequence[StageRule]) -> None:
        """Raises BadRequest with the place of what is wrong."""
        own, kinds, clock = self._defined.filters(project_id), self._defined.staged(project_id).kinds, now()
        segments = definitions(own).segments
        try:
            settled = [
                StageRule(rule.id, rule.name, check(rule.filter, segments, kinds, clock, f"stages[{place}].filter"))
                for place, rule in enumerate(rules)
            ]
            check_together(settled, "stages")
            every = types.Stage(tuple(rule.id for rule in settled))
            compiling = self._defined.compiling(project_id)
            compile_filter(every, replace(compiling, definitions=definitions(own, settled)))
        except FilterInvalid as error:
            raise invalid(error.details, code="invalid_filter", message=str(error)) from None

    def _present(self, project_id: str) -> Mapping[str, str]:
        """Ids by name, as stages are now."""
        return {rule.name: rule.id for rule in self._defined.staged(project_id).rules}

    def _answer(self, project_id: str) -> Response:
        return documents.answer(self._shown(project_id))

    def _shown(self, project_id: str) -> dict[str, Any]:
        stored = self._stored.get(project_id, project_id)
        defaults = [{"id": rule.id, "name": rule.name, "filter": write(rule.filter)} for rule in STAGES]
        return {
            "defaults": defaults,
            "stages": [msgspec.to_builtins(one) for one in stored.document.stages] if stored else defaults,
            "version": str(self._stored.replica.state.version_of(self._stored.kind, project_id)),
        }


def _read(given: StageFields, at: str) -> Filter:
    """Raises BadRequest, FilterInvalid."""
    if (given.filter is None) == (given.conditions is None):
        raise invalid([(at, "give `filter` or `conditions`, one of them")], code="invalid_body")
    if not is_text(given.name) or given.name != given.name.strip():
        raise invalid(
            [(f"{at}.name", "a name has no spaces around it and is text as UTF-8 has it")], code="invalid_body"
        )
    if given.conditions is not None:
        return spellings.read(given.conditions, f"{at}.conditions")
    return spellings.read(given.filter, f"{at}.filter")


def _ids(given: Sequence[StageFields], present: Mapping[str, str], request: Request) -> list[str]:
    """Each stage has an id for ever. Raises BadRequest where two of them could not be told apart, as a filter names a
    stage by its id or its name."""
    made = request.id.removeprefix("chg_")[:20]
    ids = [one.id or present.get(one.name) or f"stage_{made}_{place}" for place, one in enumerate(given)]
    taken: set[str] = set()
    for place, (id, one) in enumerate(zip(ids, given, strict=True)):
        own = {id.casefold(), one.name.casefold()}
        if own & taken:
            raise invalid(
                [(f"stages[{place}]", "an earlier one has this id or name already: each has its own")],
                code="invalid_body",
            )
        taken |= own
    return ids
