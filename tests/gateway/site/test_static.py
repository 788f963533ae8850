"""The widget's files: caching, encodings, the snippet. The folder is built as the widget's build does it."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest

from ask0.gateway.assets import preferred_encoding
from ask0.gateway.site import static
from ask0.gateway.site.releases import versioned_files
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, Running, running

BUNDLE = b"console.log('ask0');" * 50
SNIPPET = b'load("__ASK0_HOST__/ask0.js#__ASK0_KEY__")'
MORE = b"export const more = 1;" * 50


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    page = b'<script nonce="__NONCE__">load("__ASK0_HOST__","__ASK0_KEY__")</script>'
    files = {"ask0.js": BUNDLE, "ask0.1.2.3.js": BUNDLE, "more.0a1b.js": MORE, "snippet.js": SNIPPET, "demo.html": page}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        (folder / f"{name}.br").write_bytes(brotli.compress(content))
    manifest = {"version": "1.2.3", "integrity": "sha384-x", "more": "more.0a1b.js", "moreIntegrity": "sha384-y"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def site(built: Path, clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ask0.gateway.app.STATIC", built)
        with running(tmp_path_factory.mktemp("site"), clickhouse) as gateway:
            yield gateway


def test_a_page_that_pins_a_version_keeps_it_after_an_upgrade(
    built: Path, clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "static"
    shutil.copytree(built, newer)
    for path in newer.glob("ask0.1.2.3.js*"):
        path.rename(newer / path.name.replace("1.2.3", "1.3.0"))
    for release in (built, newer):
        monkeypatch.setattr("ask0.gateway.app.STATIC", release)
        with running(tmp_path / "site", clickhouse) as gateway:
            assert gateway.client.get("/ask0.1.2.3.js").content == BUNDLE
    with running(tmp_path / "other", clickhouse) as gateway:
        assert gateway.client.get("/ask0.1.2.3.js").status_code == 404
        assert gateway.client.get("/ask0.1.3.0.js").headers["content-encoding"] == "br"


def test_without_a_place_to_keep_versions_this_one_is_served_all_the_same(
    built: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "widget"
    blocked.write_text("no folder")
    assert {"ask0.1.2.3.js", "more.0a1b.js"} == versioned_files(built, blocked).keys()
    assert "lose it with the next" in caplog.text


def test_the_manifest_says_what_to_pin(site: Running) -> None:
    manifest = site.client.get("/ask0.json").json()
    assert manifest.keys() == {"version", "integrity", "more", "moreIntegrity"}
    assert (manifest["version"], manifest["integrity"]) == ("1.2.3", "sha384-x")


def test_the_unversioned_bundle_is_cached_shortly_and_the_versioned_one_for_ever(site: Running) -> None:
    newest, versioned = site.client.get("/ask0.js"), site.client.get("/ask0.1.2.3.js")
    more = site.client.get("/more.0a1b.js")
    assert newest.content == versioned.content == BUNDLE
    assert more.content == MORE
    assert newest.headers["cache-control"] == "public, max-age=300"
    for answer in (versioned, more):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for answer in (newest, versioned, more):
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["access-control-allow-origin"] == "*", "integrity attributes and modules need it"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("encoding", "decode"), [("br", brotli.decompress), ("gzip", gzip.decompress), ("identity", bytes)]
)
def test_the_bundle_comes_as_it_was_compressed_by_the_build(site: Running, encoding: str, decode: object) -> None:
    with site.client.stream("GET", "/ask0.js", headers={"Accept-Encoding": encoding}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding", "identity") == encoding
    assert decode(raw) == BUNDLE  # type: ignore[operator]
    assert int(answer.headers["content-length"]) == len(raw)


def test_a_bundle_already_there_is_not_sent_again(site: Running) -> None:
    tags = {}
    for encoding in ("br", "gzip", "identity"):
        headers = {"Accept-Encoding": encoding}
        tags[encoding] = site.client.get("/ask0.js", headers=headers).headers["etag"]
        for seen in (tags[encoding], f"W/{tags[encoding]}", f'"other", {tags[encoding]}', "*"):
            again = site.client.get("/ask0.js", headers={**headers, "If-None-Match": seen})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[encoding])
        assert site.client.get("/ask0.js", headers={**headers, "If-None-Match": '"other"'}).status_code == 200
    assert len(set(tags.values())) == 3


def test_head_is_answered_as_get_without_the_body(site: Running) -> None:
    answer = site.client.head("/ask0.js", headers={"Accept-Encoding": "identity"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(BUNDLE)))


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", "identity"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip;q=0", "identity"),
        ("br; q=0, gzip", "gzip"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("identity, br;q=0.5", "identity"),
        ("BR", "br"),
        ("zstd", "identity"),
        ("br;q=x, gzip;q=", "gzip"),
        (",;,", "identity"),
    ],
)
def test_the_encoding_is_the_clients_best(accepted: str, encoding: str) -> None:
    assert preferred_encoding(accepted, ["identity", "br", "gzip"]) == encoding


def test_the_snippet_has_the_key_and_this_address_in_it(site: Running) -> None:
    answer = site.client.get("/snippet.js", params={"writeKey": KEY})
    assert answer.text == f'load("{site.url}/ask0.js#{KEY}")'
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "loaded"),
    [
        ({"consent": "pending"}, "consent=pending"),
        ({"cookieDomain": "example.com"}, "cookieDomain=example.com"),
        ({"cookieDomain": "Example.com", "consent": "denied", "n": "1"}, "consent=denied&cookieDomain=Example.com"),
    ],
)
def test_the_snippet_has_the_pages_options_in_it(site: Running, query: dict[str, str], loaded: str) -> None:
    answer = site.client.get("/snippet.js", params={"writeKey": KEY, **query})
    address = json.loads(answer.text.removeprefix("load(").removesuffix(")"))
    assert address == f"{site.url}/ask0.js#{KEY}&{loaded}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consent", "yes"),
        ("consent", ""),
        ("consent", "Granted"),
        ("cookieDomain", ""),
        ("cookieDomain", ".example.com"),
        ("cookieDomain", "https://example.com"),
        ("cookieDomain", "example.com; Secure"),
        ("cookieDomain", 'a"+alert(1)+"'),
        ("cookieDomain", f"{'a' * 64}.com"),
        ("cookieDomain", "a." * 127 + "a\n"),
    ],
)
def test_an_option_that_is_none_is_explained_and_not_repeated(site: Running, name: str, value: str) -> None:
    answer = site.client.get("/snippet.js", params={"writeKey": KEY, name: value})
    assert (answer.status_code, name in answer.json()["message"]) == (400, True)
    assert "alert" not in answer.text


def test_what_is_no_key_is_not_repeated(site: Running) -> None:
    answer = site.client.get("/snippet.js", params={"writeKey": '");alert(1)//'})
    assert answer.status_code == 401
    assert "alert" not in answer.text


def test_a_value_cannot_leave_its_string_in_the_script() -> None:
    assert static._escaped("\"'</script>&\\\n") == '\\"\\u0027\\u003c/script\\u003e\\u0026\\\\\\n'


@pytest.mark.parametrize(
    "path",
    ["/more.js", "/more.0a1c.js", "/more..js", "/more.0a1b.js.gz", "/more.%2e%2e%2fask0.js", "/ask0.1.2.2.js"]
    + ["/ask0...%2fdemo.html.js", "/ask0./../manifest.json.js", "/manifest.json"],
)
def test_only_the_built_version_is_there(site: Running, path: str) -> None:
    assert site.client.get(path).status_code == 404


def test_a_widget_without_the_second_part_is_served(
    built: Path, clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = shutil.copytree(built, tmp_path / "older")
    (older / "more.0a1b.js").unlink()
    (older / "manifest.json").write_text(json.dumps({"version": "1.2.3", "integrity": "sha384-x"}))
    monkeypatch.setattr("ask0.gateway.app.STATIC", older)
    with running(tmp_path, clickhouse) as gateway:
        assert gateway.client.get("/ask0.1.2.3.js").content == BUNDLE
        assert gateway.client.get("/snippet.js", params={"writeKey": KEY}).status_code == 200
        assert gateway.client.get("/more.0a1b.js").status_code == 404


def test_before_the_widget_is_built_the_rest_works(
    clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ask0.gateway.app.STATIC", tmp_path / "none")
    with running(tmp_path, clickhouse) as gateway:
        answer = gateway.client.get("/ask0.js")
        assert (answer.status_code, "make run" in answer.json()["message"]) == (404, True)
        assert gateway.client.get("/health/live").status_code == 200
