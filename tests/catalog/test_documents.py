"""Projects and keys on the control stream: two admins at once, and the first project of several starts."""

import asyncio

import msgspec
import pytest

from ask0.catalog.cache import CatalogCache
from ask0.catalog.documents import add_document, catalog_of, change_of, replace_document
from ask0.catalog.errors import MovedOn
from ask0.catalog.keys import create_key, revoke_key
from ask0.catalog.projects import bootstrap, create_project
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.catalog.verification import (
    KeyMaterial,
    add_verification_key,
    make_readable,
    make_verification_key,
    remove_verification_key,
    require_verification,
)
from ask0.schemas.catalog import hash_secret
from ask0.schemas.settings import Settings
from tests.catalog.replicas import change
from tests.eventlog.homes import Home, started


async def test_two_admins_at_once_do_not_lose_each_others_change(home: Home) -> None:
    async with started(Replica(home.open_control())) as one, started(Replica(home.open_control())) as other:
        project = await create_project(one, "Shop")
        await other.catch_up()
        seen = catalog_of(other.state).projects[project.id]
        await make_readable(one, project, ("plan",))
        with pytest.raises(MovedOn, match=f"somebody else changed project/{project.id}"):
            await make_readable(other, seen, ("name",))
        await other.catch_up()
        assert catalog_of(other.state).projects[project.id].verification.readable == ("plan",)
        await require_verification(other, catalog_of(other.state).projects[project.id], False)


async def test_a_key_is_made_once_and_revoked_once(home: Home) -> None:
    async with started(Replica(home.open_control())) as replica:
        project = await create_project(replica, "Shop")
        text = await create_key(replica, project.id, "write")
        key = catalog_of(replica.state).keys[text]
        with pytest.raises(MovedOn):
            await add_document(replica, key, "key.created")
        revoked = await revoke_key(replica, key)
        assert await revoke_key(replica, revoked) == revoked
        with pytest.raises(MovedOn):
            await revoke_key(replica, key)


async def test_of_several_first_starts_one_makes_the_project(home: Home) -> None:
    settings = Settings.from_environ({"ASK0_BOOTSTRAP_PROJECT": "Help centre", "ASK0_BOOTSTRAP_WRITE_KEY": "wk_chosen"})
    async with (
        started(Replica(home.open_control())) as one,
        started(Replica(home.open_control())) as two,
        started(Replica(home.open_control())) as three,
    ):
        made = await asyncio.gather(*(bootstrap(replica, settings) for replica in (one, two, three)))
        assert sum(new is not None for new in made) == 1
        await one.catch_up()
        catalog = catalog_of(one.state)
        assert [project.name for project in catalog.projects.values()] == ["Help centre"]
        assert catalog.project_of_write_key("wk_chosen")
        assert len([key for key in catalog.keys.values() if key.kind == "secret"]) == 1
        assert await bootstrap(two, settings) is None


async def test_a_document_that_cannot_be_read_does_not_take_the_others_with_it(home: Home) -> None:
    async with started(Replica(home.open_control())) as replica:
        cache = CatalogCache(replica)
        project = await create_project(replica, "Shop")
        odd = change_of(msgspec.structs.replace(project, id="proj_odd"), "project.created", expected=0)
        await replica.write(msgspec.structs.replace(odd, body=msgspec.Raw(b'{"id":7}')))
        key = await create_key(replica, project.id, "write")
        assert await cache.project_of(key) == project.id
        assert cache.current.projects.keys() == {project.id}


async def test_a_change_of_another_kind_leaves_the_catalog_as_it_is(home: Home) -> None:
    async with started(Replica(home.open_control())) as replica:
        cache = CatalogCache(replica)
        project = await create_project(replica, "Shop")
        before = cache.current
        await replica.write(change("a", 1))
        assert cache.current is before
        key = await create_key(replica, project.id, "write")
        assert cache.projects == {key: project.id}


async def test_what_one_project_changes_leaves_those_of_others_as_they_were_read(home: Home) -> None:
    async with started(Replica(home.open_control())) as replica:
        seal = Seal("a sealing key that is long enough for this")
        cache, material = CatalogCache(replica, seal), KeyMaterial("", is_public=False)
        mine, other = await create_project(replica, "Mine"), await create_project(replica, "Other")
        for project in (mine, other):
            await add_verification_key(replica, project, make_verification_key(material, seal)[0])
        before = dict(cache.verifiers)
        text = await create_key(replica, mine.id, "secret")
        await revoke_key(replica, cache.secrets[hash_secret(text)])
        assert cache.secrets == {}
        current = cache.current.projects[mine.id]
        (key,) = current.verification.keys
        await remove_verification_key(replica, key.id)
        assert cache.verifiers == {other.id: before[other.id]}
        assert cache.current == catalog_of(replica.state)


async def test_a_document_that_only_newer_code_knows_is_left_alone(home: Home) -> None:
    async with started(Replica(home.open_control())) as replica:
        project = await create_project(replica, "Shop")
        changed = msgspec.structs.replace(project, name="Shop 2")
        await replace_document(replica, project, changed, "project.renamed")
        assert catalog_of(replica.state).projects == {project.id: changed}
