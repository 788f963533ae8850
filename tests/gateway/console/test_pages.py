"""The console's files: one page for every address, under a policy that lets nothing else in."""

import re
from pathlib import Path

import pytest

from ask0.gateway.console.pages import DIST, Pages
from ask0.gateway.errors import NotFound
from tests.gateway.running import Running


@pytest.mark.parametrize("path", ["/console/", "/console/p/proj_1/users", "/console/enter", "/console/p/x/users/a%2Fb"])
def test_every_address_is_the_page(gateway: Running, path: str) -> None:
    answer = gateway.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<div id="root">' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_without_its_slash_it_leads_there(gateway: Running) -> None:
    answer = gateway.client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


def test_its_files_are_kept_for_ever_and_come_compressed(gateway: Running) -> None:
    page = gateway.client.get("/console/").text
    names = re.findall(r'"(/console/assets/[^"]+)"', page)
    assert {Path(name).suffix for name in names} == {".js", ".css", ".svg"}
    for name in names:
        answer = gateway.client.get(name, headers={"accept-encoding": "br"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "br"
        again = gateway.client.get(name, headers={"if-none-match": answer.headers["etag"], "accept-encoding": "br"})
        assert again.status_code == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2Findex.html", "index.js.br", "%00"])
def test_what_is_no_file_of_it_is_not_there(gateway: Running, name: str) -> None:
    assert gateway.client.get(f"/console/assets/{name}").status_code == 404


async def test_before_it_is_built_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="the console is not built: `make run` builds it"):
        await Pages(tmp_path).page(None)  # type: ignore[arg-type]
    assert DIST.name == "dist"


def test_nothing_in_the_page_is_written_into_it(gateway: Running) -> None:
    """Whatever the address holds stays there."""
    assert "<script>alert" not in gateway.client.get("/console/p/%3Cscript%3Ealert(1)%3C/script%3E").text
