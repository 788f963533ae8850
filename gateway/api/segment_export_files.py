"""The file of many users as it is written: a line or a row for each, or of everything a line each or a zip of CSVs.

Everyone comes in the order of the ids, a page at a time. Who was erased since the list was made is left out; the last
piece is given only once it is certain that nobody of whom something is in the file was erased meanwhile.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from ask0.gateway.api.changes import Changes
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.export_files import OF_HEAD, OF_TABLES, Archive, Export, Part, write_json_line
from ask0.gateway.api.exports import BrokeOff, Exports
from ask0.schemas.events import write_time
from ask0.schemas.exports import ExportWork
from ask0.schemas.user_files import write_head, write_line, write_row
from ask0.warehouse import job_users
from ask0.warehouse.bounded_pages import Row, patiently
from ask0.warehouse.user_export import Everything, Page
from ask0.warehouse.user_lists import read_rows
from ask0.warehouse.users import profile_of
from ask0.warehouse.whose import Person

FIRST_USERS, MOST_USERS = 50, 1_000  # of a page, which has …
PAGE_BYTES = 2_000_000  # … about so much of their traits
IDS_AT_ONCE = 10_000
USER = "user"  # the first column of each CSV but the profiles': whose row it is

Profile = dict[str, Any]
Tell = Callable[[Sequence[str]], Awaitable[None]]  # the audit log, before anything of these users is handed out


class UsersFile:
    """Of one download. `users`, `rows`, `erased` and `unknown` say how far it is, as ExportReceipt."""

    def __init__(
        self,
        exports: Exports,
        changes: Changes,
        defined: ProjectDefinitions,
        project_id: str,
        work: ExportWork,
        tell: Tell,
    ) -> None:
        self._exports = exports
        self._warehouse = changes.warehouse
        self._defined = defined
        self._project_id = project_id
        self._work = work
        self._tell = tell
        self._until = time.time_ns() // 1_000_000
        self._users_at_once = FIRST_USERS
        self._left_out = 0  # a digest of who was, when the list was read first
        self.users = self.rows = self.erased = self.unknown = 0

    def pieces(self) -> AsyncIterator[bytes]:
        """Raises BrokeOff, ServiceUnavailable, Refused."""
        if self._work.what == "profiles":
            return self._write_profiles()
        return self._write_lines() if self._work.format == "json" else self._write_zip()

    async def _write_profiles(self) -> AsyncIterator[bytes]:
        is_csv = self._work.format == "csv"
        if is_csv:
            yield write_head()
        write = write_row if is_csv else write_line
        async for page in self._profiles():
            self.rows += len(page)
            yield await self._ask(_join, write, page)

    async def _write_lines(self) -> AsyncIterator[bytes]:
        async for page in self._profiles():
            for profile in page:
                export = await self._export(profile)
                lines = write_json_line(export)
                while (piece := await self._ask(next, lines, None)) is not None:
                    yield piece
                if self._exports.is_erased(export.everything.person):
                    raise BrokeOff("a user is erased of whom something is in the file")
                self.rows += 1

    async def _write_zip(self) -> AsyncIterator[bytes]:
        """Part by part, as the files of a zip come one after the other."""
        archive = Archive(write_time(self._until))
        for part in OF_HEAD:
            async for piece in self._write_part(archive, part, self._exported(first=part is OF_HEAD[0])):
                yield piece
        for part in OF_TABLES:
            async for piece in self._write_part(archive, part, self._known()):
                yield piece
        async for _ in self._ids(most=IDS_AT_ONCE):
            """Whether somebody was erased during the last part."""
        about = {"exportedAt": write_time(self._until), "projectId": self._project_id, "users": self.users}
        archive.write("about", about)
        archive.close()
        yield archive.take()

    async def _write_part(self, archive: Archive, part: Part, exports: AsyncIterator[Export]) -> AsyncIterator[bytes]:
        of_profiles = part is OF_HEAD[0]
        columns = part.columns if of_profiles else [USER, *part.columns]
        with archive.file(part.name) as file:
            file.write(write_head(columns))
            async for export in exports:
                pages = iter(part.pages(export))
                while (page := await self._ask(_next_page, pages)) is not None:
                    if not of_profiles:
                        page = [{USER: export.everything.person.id, **row} for row in page]
                    self.rows += len(page)
                    await self._ask(file.write, b"".join([write_row(row, columns) for row in page]))
                    if piece := archive.take():
                        yield piece

    async def _exported(self, *, first: bool) -> AsyncIterator[Export]:
        async for page in self._profiles(first=first):
            for profile in page:
                yield (
                    Export({"profile": profile}, self._everything(profile["id"]))
                    if first
                    else await self._export(profile)
                )

    async def _known(self) -> AsyncIterator[Export]:
        """Without their heads: what they have in tables."""
        async for ids in self._ids():
            for id in ids:
                yield Export({}, self._everything(id))

    async def _export(self, profile: Profile) -> Export:
        everything = self._everything(profile["id"])
        return Export(await self._exports.head(profile, everything), everything)

    def _everything(self, id: str) -> Everything:
        return Everything(self._warehouse, Person(self._project_id, id), self._until)

    async def _profiles(self, *, first: bool = True) -> AsyncIterator[list[Profile]]:
        """Whoever is there. The first time they are counted, and the audit log is told."""
        async for ids in self._ids(first=first):
            rows = await self._ask(patiently, read_rows, self._warehouse, self._project_id, ids)
            self._fit(rows.values())
            found = [profile_of(rows[id]) for id in ids if id in rows and not rows[id]["merged_into"]]
            # Asked again once the rows are read: of who is erased by now, they may be gone in part.
            there = [profile for profile in found if not self._is_erased(profile["id"])]
            gone = {profile["id"] for profile in found}.difference(profile["id"] for profile in there)
            page = await self._defined.finish_all(self._project_id, there)
            if first:
                self.unknown += len(ids) - len(found)
                for id in gone:
                    self._leave_out(id)
                await self._tell([profile["id"] for profile in page])
                self.users += len(page)
            yield page

    def _fit(self, rows: Collection[Row]) -> None:
        """The next page to what this one took."""
        size = sum(len(row["traits_json"]) for row in rows)
        fitting = len(rows) * PAGE_BYTES // size if size else MOST_USERS
        self._users_at_once = max(1, min(fitting, 2 * self._users_at_once, MOST_USERS))

    async def _ids(self, *, most: int | None = None, first: bool = False) -> AsyncIterator[Sequence[str]]:
        """Of the list, without those who are erased. Raises BrokeOff where these are others than at first."""
        after, left_out = "", 0
        list = self._work.list
        while ids := await self._ask(
            patiently, job_users.read_after, self._warehouse, list, after, most or self._users_at_once
        ):
            after = ids[-1]
            there = []
            for id in ids:
                if not self._is_erased(id):
                    there.append(id)
                elif first:
                    self._leave_out(id)
                else:
                    left_out ^= _digest(id)
            yield there
        if not first and left_out != self._left_out:
            raise BrokeOff("a user is erased of whom something is in the file")

    def _leave_out(self, id: str) -> None:
        self.erased += 1
        self._left_out ^= _digest(id)

    def _is_erased(self, id: str) -> bool:
        return self._exports.is_erased(Person(self._project_id, id))

    async def _ask(self, question: Callable[..., Any], *args: Any) -> Any:
        return await self._exports.ask(self._project_id, question, *args)


def _join(write: Callable[[Profile], bytes], page: Sequence[Profile]) -> bytes:
    return b"".join(map(write, page))


def _digest(id: str) -> int:
    """Of several, in whatever order, it is the XOR."""
    return int.from_bytes(blake2b(id.encode(), digest_size=16).digest())


def _next_page(pages: Iterator[Page]) -> Page | None:
    return next(pages, None)
