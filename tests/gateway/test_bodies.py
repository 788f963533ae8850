"""Bodies: encodings, bombs, and JSON that only spoils one event."""

import gzip
import json
import resource
import socket
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import orjson
import pytest
import zstandard

from ask0.gateway.bodies import inflate, json_text, parse_json
from ask0.gateway.errors import BadRequest, TooLarge
from ask0.schemas.events import MAX_BODY_BYTES
from bench.stack import wait_for
from tests.gateway.running import KEY, Running, names, track


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


Encode = Callable[[bytes], bytes]
CODECS: dict[str, tuple[str, Encode]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "upper case": ("GZip", gzip.compress),
    "two members": ("gzip", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.compress),
    "identity": ("identity", lambda data: data),
}


@pytest.mark.parametrize("codec", CODECS)
def test_an_encoded_body_is_read(gateway: Running, codec: str) -> None:
    encoding, encode = CODECS[codec]
    body = encode(json.dumps([track(codec)]).encode())
    answer = gateway.post("/v1/batch", body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 200, answer.text
    assert names(gateway.events()) == [codec]


@pytest.mark.parametrize("codec", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"\x07" + data[1:], lambda _: b"{}"]
)
def test_a_damaged_encoding_is_refused(gateway: Running, codec: str, damage: Encode) -> None:
    body = damage(CODECS[codec][1](json.dumps([track(str(n)) for n in range(99)]).encode()))
    answer = gateway.post("/v1/batch", body, headers={"Content-Encoding": codec})
    assert answer.status_code == 400
    assert gateway.records() == []


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,br", "compress", "gzip;q=1", "utf-8", "\xff"])
def test_an_unknown_or_nested_encoding_is_refused(gateway: Running, encoding: str) -> None:
    answer = gateway.post("/batch", gzip.compress(b"[]"), headers={"Content-Encoding": encoding.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_encoding")


def bomb(codec: str) -> bytes:
    """Gigabytes of spaces in as few bytes as the codec can."""
    megabyte = b" " * 1_000_000
    if codec == "br":
        compressor = brotli.Compressor(quality=1)
        pieces: list[bytes] = [compressor.process(megabyte) for _ in range(2_000)]
        return b"".join((*pieces, compressor.finish()))
    if codec == "zstd":
        stream = zstandard.ZstdCompressor().compressobj()
        return b"".join(stream.compress(megabyte) for _ in range(2_000)) + stream.flush()
    deflate = zlib.compressobj(wbits=31 if codec == "gzip" else 15)
    return b"".join(deflate.compress(megabyte) for _ in range(400)) + deflate.flush()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("codec", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_stops_at_the_cap(gateway: Running, codec: str) -> None:
    body = bomb(codec)
    assert len(body) < MAX_BODY_BYTES
    gateway.post("/batch", body, headers={"Content-Encoding": codec})  # the codec's own tables are made now
    before = resident_bytes()
    answers = [gateway.post("/batch", body, headers={"Content-Encoding": codec}) for _ in range(10)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(413, "too_large")}
    assert resident_bytes() - before < 50_000_000


def test_a_body_at_the_cap_is_read_and_one_byte_more_is_not(gateway: Running) -> None:
    body = json.dumps([track()]).encode()
    fitting = body + b" " * (MAX_BODY_BYTES - len(body))
    assert gateway.post("/batch", fitting).status_code == 200
    assert gateway.post("/batch", fitting + b" ").status_code == 413
    assert gateway.post("/batch", gzip.compress(fitting), headers={"Content-Encoding": "gzip"}).status_code == 200
    assert (
        gateway.post("/batch", gzip.compress(fitting + b" "), headers={"Content-Encoding": "gzip"}).status_code == 413
    )


def test_a_body_in_pieces_is_read_and_stops_at_the_cap(gateway: Running) -> None:
    small = iter([b'[{"event":"A",', b'"userId":"u"}]'])
    headers = {"X-Write-Key": KEY}
    assert gateway.client.post("/batch", content=small, headers=headers).status_code == 200
    assert gateway.client.post("/batch", content=iter([b" " * 300_000] * 2), headers=headers).status_code == 413
    assert names(gateway.events()) == ["A"]


def test_ten_megabytes_are_refused_by_their_announcement(gateway: Running) -> None:
    head = b"POST /batch HTTP/1.1\r\nHost: x\r\nX-Write-Key: %s\r\nContent-Length: 10000000\r\n\r\n" % KEY.encode()
    assert gateway.raw(head).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("events", [2_500, 2_501])
def test_a_batch_has_at_most_2500_events(gateway: Running, events: int) -> None:
    answer = gateway.post("/batch", [{"event": "A", "userId": "u"}] * events)
    if events == 2_500:
        assert answer.json()["accepted"] == 2_500
    else:
        assert (answer.status_code, answer.json()["code"]) == (413, "too_many_events")
    assert len(gateway.events()) == (2_500 if events == 2_500 else 0)


NOT_JSON = {
    "empty": (b"", "not_json"),
    "blank": (b" \n", "not_json"),
    "text": (b"hello", "not_json"),
    "cut short": (b'[{"event":"A"', "not_json"),
    "two documents": (b"{}{}", "not_json"),
    "a control character": (b'{"event":"a\nb"}', "not_json"),
    "a bare key": (b"{event:1}", "not_json"),
    "a bottomless list": (b"[" * 100_000, "not_json"),
    "a bottomless list with a hostile text": (b"[" * 2_000 + b'"' + b'\\"' * 200_000, "not_json"),
    "latin-1": (b'{"event":"caf\xe9","userId":"u"}', "not_utf8"),
    "UTF-16": ('{"event":"A"}'.encode("utf-16"), "not_utf8"),
    "a number": (b"7", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "an empty list": (b"[]", "no_events"),
    "an empty batch": (b'{"batch":[]}', "no_events"),
    "a batch that is none": (b'{"batch":{}}', "not_a_list"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_beacon_is_refused_with_a_code(gateway: Running, name: str) -> None:
    body, code = NOT_JSON[name]
    answer = gateway.post("/v1/batch", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert gateway.records() == []


DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000
SPOILED = {
    "NaN": ('{"n":NaN}', "invalid_number"),
    "1e400": ('{"n":1e400}', "invalid_number"),
    "five thousand digits": ('{"n":' + "9" * 5_000 + "}", "invalid_number"),
    "half a surrogate pair": (r'{"t":"\ud800"}', "invalid_text"),
    "half a surrogate pair as a key": (r'{"\udfff":1}', "invalid_text"),
    "depth 65": ('{"a":' * 65 + "1" + "}" * 65, "too_deep"),
    "depth 1,000": ('{"a":' * 1_000 + "1" + "}" * 1_000, "too_deep"),
    "depth 10,000": (DEEP, "too_deep"),
    "depth 10,000 of lists": ('{"a":' + "[" * 9_999 + "]" * 9_999 + "}", "too_deep"),
    "33 KB": ('{"t":"' + "x" * 33_000 + '"}', "too_large"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_spoils_one_event_leaves_its_neighbours_alone(gateway: Running, name: str) -> None:
    properties, code = SPOILED[name]
    event = '{"event":"%s","userId":"u1","properties":%s}'
    body = (
        "[" + ",".join([event % ("A", "{}"), event % ("B", properties), event % ("C", '{"t":"\\u0000 \u00e9"}')]) + "]"
    )
    answer = gateway.post("/v1/batch", body.encode())
    assert answer.status_code == 200, answer.text
    assert [(item["index"], item["code"]) for item in answer.json()["rejected"]] == [(1, code)]
    kept, rejected = gateway.records()
    assert names(kept.events) == ["A", "C"]
    assert rejected.rejects[0].raw.startswith('{"event":"B"')


HARMLESS = {
    "2^64": '{"n":18446744073709551616}',
    "2^63 below zero and more": '{"n":-9223372036854775809}',
    "a key twice": '{"n":1,"n":2}',
    "a key and a path": '{"a.b":1,"a":{"b":2}}',
    "NUL": r'{"t":"\u0000"}',
    "depth 64": '{"a":' * 64 + "1" + "}" * 64,
    "an empty key": '{"":1}',
}


@pytest.mark.parametrize("neighbour", ["{}", '{"n":NaN}'])
@pytest.mark.parametrize("name", HARMLESS)
def test_odd_but_sound_json_is_stored_the_same_by_either_parser(gateway: Running, name: str, neighbour: str) -> None:
    event = '{"event":"%s","userId":"u1","properties":%s}'
    body = "[" + event % ("odd", HARMLESS[name]) + "," + event % ("other", neighbour) + "]"
    assert gateway.post("/batch", body.encode()).status_code == 200
    stored = gateway.events()[0]
    assert orjson.loads(bytes(stored.properties)) == orjson.loads(HARMLESS[name])


@pytest.mark.parametrize(
    "when", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01", 1e300, -1, "now", [], True]
)
def test_an_impossible_time_is_refused(gateway: Running, when: Any) -> None:
    answer = gateway.post("/batch", [track(timestamp=when), track()])
    assert answer.json()["rejected"][0]["code"] in ("invalid_timestamp", "timestamp_out_of_range")
    assert len(gateway.events()) == 1


def test_a_byte_order_mark_and_explicit_nulls_are_as_nothing(gateway: Running) -> None:
    body = b'\xef\xbb\xbf{"type":"track","event":"A","userId":"u","anonymousId":null,"context":null,"properties":null}'
    assert gateway.post("/track", body).status_code == 200
    assert names(gateway.events()) == ["A"]


def test_a_body_that_stops_is_no_beacon(gateway: Running) -> None:
    before = gateway.metric("ask0_beacons_total", status="408")
    head = b"POST /batch HTTP/1.1\r\nHost: x\r\nX-Write-Key: %s\r\nContent-Length: 100\r\n\r\n[{" % KEY.encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head)
    wait_for(lambda: gateway.metric("ask0_beacons_total", status="408") == before + 1, "the beacon to be given up")
    assert gateway.records() == []


def test_an_unencoded_body_is_not_copied() -> None:
    body = b"{}"
    assert inflate(body, None) is body


def test_the_cap_holds_for_the_sum_of_gzip_members() -> None:
    with pytest.raises(TooLarge):
        inflate(gzip.compress(b" " * 300_000) * 2, b"gzip")


def test_any_parsed_value_can_be_written_again() -> None:
    for text in (r'{"\ud800":"\udc00 café"}', "[NaN,-Infinity]", "[" * 200 + "]" * 200, '{"a":"\\u0000"}'):
        assert json_text(parse_json(text.encode())) == text
    assert json_text(parse_json(b"[1e400]")) == "[Infinity]"
    with pytest.raises(BadRequest):
        parse_json(b"[" * 5_000)
