"""ClickHouse's HTTP interface over chDB, asked by unchanged clients and by hand."""

import asyncio
import gzip
import io
import json
import os
import subprocess
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import clickhouse_connect
import httpx
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from ask0.clickhouse_http.cityhash import city_hash_128
from ask0.clickhouse_http.engine import Engine
from ask0.clickhouse_http.frames import Framer, unframed
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import migrate
from tests.clickhouse_http.interface_server import serve_interface

NODE = Path(__file__).parent / "node"
ENDLESS = "SELECT count() FROM system.numbers WHERE NOT ignore(number)"
WRITER, ANALYST = ("ask0", "writes"), ("analyst", "reads")


@pytest.fixture(scope="module")
def url(engine: Warehouse, chdb_path: Path) -> Iterator[str]:
    migrate(engine)
    options = {"seconds": 1, "memory_mb": 128, "threads": 2}
    with serve_interface(chdb_path, password=WRITER[1], analyst_password=ANALYST[1], **options) as dsn:
        yield f"http://127.0.0.1:{urlsplit(dsn).port}"


@pytest.fixture
def writer(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=WRITER, timeout=30) as client:
        yield client


@pytest.fixture
def analyst(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=ANALYST, timeout=30) as client:
        yield client


@pytest.fixture
def connected(url: str, database: str) -> Iterator[Client]:
    """clickhouse-connect's own client, in a fresh database with a table."""
    address = urlsplit(url)
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=address.port or 0, username=WRITER[0], password=WRITER[1]
    )
    client.command(f"CREATE DATABASE {database}")
    client.database = database
    client.command(
        "CREATE TABLE t (n UInt64, s String, j JSON) ENGINE = MergeTree ORDER BY n"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    yield client
    client.close()


@pytest.fixture
def table(connected: Client) -> str:
    return f"{connected.database}.t"


def ask(client: httpx.Client, sql: str, **parameters: str) -> httpx.Response:
    return client.post("/", content=sql.encode(), params=parameters)


def test_keys_with_dots_read_as_they_were_sent(connected: Client, analyst: httpx.Client, writer: httpx.Client) -> None:
    connected.raw_insert("t", ["n", "j"], b'{"n":1,"j":{"a.b":1,"a":{"b":2}}}', fmt="JSONEachRow")
    sql = f"SELECT j FROM {connected.database}.t FORMAT JSONEachRow"
    assert ask(writer, sql).json() == {"j": {"a.b": 1, "a": {"b": 2}}}
    literal = """SELECT '{"a.b":1}'::JSON AS j FORMAT JSONEachRow"""
    assert ask(analyst, literal).json() == {"j": {"a.b": 1}}


def code_of(response: httpx.Response) -> str:
    return str(response.headers.get("X-ClickHouse-Exception-Code", ""))


def test_clickhouse_connect_reads_and_writes(connected: Client) -> None:
    rows = [[1, "x", {"a": 1}], [2, "it's\t✓", {"b": {"c": 2}}]]
    summary = connected.insert("t", rows, column_names=["n", "s", "j"])
    assert summary.written_rows == 2
    found = connected.query("SELECT n, s, j FROM t WHERE n IN {n:Array(UInt64)} ORDER BY n", {"n": [1, 2, 3]})
    assert found.result_rows == [(1, "x", {"a": 1}), (2, "it's\t✓", {"b": {"c": 2}})]
    assert connected.command("SELECT count() FROM t") == 2
    assert connected.query("SELECT n FROM t WHERE s = {s:String}", {"s": "it's\t✓"}).result_rows == [(2,)]
    assert connected.query("SELECT n FROM t WHERE 0").result_rows == []
    assert connected.query("SELECT n, s FROM t LIMIT 0").column_names == ("n", "s")
    assert connected.raw_query("SELECT n FROM t ORDER BY n", fmt="JSONEachRow") == b'{"n":1}\n{"n":2}\n'
    assert connected.command("ALTER TABLE t DELETE WHERE n = 1 SETTINGS mutations_sync = 1") is not None
    assert connected.command("SELECT n FROM t") == 2
    assert connected.ping()


def test_settings_of_an_insert_reach_it_and_nothing_else(connected: Client) -> None:
    settings = {"insert_deduplication_token": "once", "async_insert": 0}
    for _ in range(2):
        connected.insert("t", [[1, "x", {}]], column_names=["n", "s", "j"], settings=settings)
    assert connected.command("SELECT count() FROM t") == 1
    connected.query("SELECT 1", settings={"max_threads": 1})
    name = "SELECT value FROM system.settings WHERE name = 'insert_deduplication_token'"
    assert connected.raw_query(name) == b"\n"


def test_a_block_that_breaks_a_constraint_is_refused_as_a_whole(connected: Client) -> None:
    connected.command("ALTER TABLE t ADD CONSTRAINT small CHECK n < 10")
    with pytest.raises(DatabaseError) as failure:
        connected.insert("t", [[1, "x", {}], [11, "x", {}]], column_names=["n", "s", "j"])
    assert failure.value.code == 469
    assert connected.command("SELECT count() FROM t") == 0


def test_clickhouse_connect_sees_an_answer_that_breaks_off(connected: Client) -> None:
    with pytest.raises(DatabaseError, match="throwIf"):  # it asks to wait for the end, so there is a status
        _ = connected.query("SELECT throwIf(number = 300000) FROM numbers(400000)").result_rows


def test_the_unchanged_node_client_reads(url: str, engine: Warehouse) -> None:
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=NODE, check=True, capture_output=True)
    script = subprocess.run(["node", "read.js", url, *ANALYST], cwd=NODE, check=True, capture_output=True)
    got = json.loads(script.stdout)
    assert got["ping"] == {"success": True}
    assert got["json"]["data"] == [{"b": 2, "s": "it's\n✓"}]
    assert got["lines"] == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert got["csv"] == '1,"x"\n'
    assert got["count"] == 100_000
    assert got["refused"] == {"code": "497", "type": "ACCESS_DENIED"}


@pytest.mark.parametrize(
    ("fmt", "body"),
    [
        ("", b"1\tx\n"),
        ("TabSeparatedWithNamesAndTypes", b"a\tb\nUInt8\tString\n1\tx\n"),
        ("CSV", b'1,"x"\n'),
        ("JSONEachRow", b'{"a":1,"b":"x"}\n'),
        ("JSONCompactEachRow", b'[1, "x"]\n'),
        ("Values", b"(1,'x')"),
        ("RowBinary", b"\x01\x01x"),
        ("RowBinaryWithNamesAndTypes", b"\x02\x01a\x01b\x05UInt8\x06String\x01\x01x"),
        ("Native", b"\x02\x01\x01a\x05UInt8\x01\x01b\x06String\x01x"),
    ],
)
def test_the_format_is_named_in_the_query_the_url_or_a_header(analyst: httpx.Client, fmt: str, body: bytes) -> None:
    sql = "SELECT 1 AS a, 'x' AS b"
    assert ask(analyst, sql, default_format=fmt).content == body
    if fmt:
        answer = ask(analyst, f"{sql} FORMAT {fmt}", default_format="JSON")
        assert answer.content == body
        assert answer.headers["X-ClickHouse-Format"] == fmt
        assert analyst.post("/", content=sql, headers={"X-ClickHouse-Format": fmt}).content == body


def test_a_query_comes_in_the_url_the_body_both_or_a_form(analyst: httpx.Client, writer: httpx.Client) -> None:
    assert analyst.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert analyst.post("/", params={"query": "SELECT 1"}).text == "1\n"
    assert analyst.post("/", params={"query": "SELECT"}, content="1").text == "1\n"
    form = {"query": (None, "SELECT {a:UInt8} + {b:UInt8}"), "param_b": (None, "2")}
    for client in (analyst, writer):
        assert client.post("/", params={"param_a": "1"}, files=form).text == "3\n"
    assert code_of(analyst.post("/", params={"query": "SELECT 1"}, files={"x": ("x.csv", b"1")})) == "48"


def test_it_answers_without_a_query(analyst: httpx.Client) -> None:
    for path in ("/ping", "/", "/replicas_status"):
        answer = httpx.get(f"{analyst.base_url}{path}")
        assert (answer.status_code, answer.text) == (200, "Ok.\n")
    assert httpx.head(f"{analyst.base_url}/ping").status_code == 200
    assert analyst.get("/play").status_code == 404
    assert code_of(analyst.post("/")) == "62"


def test_credentials_come_in_three_ways(url: str) -> None:
    name, password = ANALYST
    headers = {"X-ClickHouse-User": name, "X-ClickHouse-Key": password}
    query = {"query": "SELECT currentDatabase()"}
    assert httpx.get(url, params=query, headers=headers).text == "ask0\n"
    assert httpx.get(url, params={**query, "user": name, "password": password}).text == "ask0\n"
    assert httpx.get(url, params=query, auth=ANALYST).text == "ask0\n"


@pytest.mark.parametrize("credentials", [("analyst", "writes"), ("ask0", "reads"), ("default", ""), ("analyst", "")])
def test_wrong_credentials_are_refused(url: str, credentials: tuple[str, str]) -> None:
    answer = httpx.get(url, params={"query": "SELECT 1"}, auth=credentials)
    assert (answer.status_code, code_of(answer)) == (403, "516")


def test_a_request_without_credentials_is_asked_for_them(url: str) -> None:
    answer = httpx.get(url, params={"query": "SELECT 1"})
    assert (answer.status_code, code_of(answer)) == (401, "516")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, "62"),
        ("SELECT * FROM nothing", 404, "60"),
        ("SELECT nothing", 404, "47"),
        ("SELECT no_such_function(1)", 404, "46"),
        ("SELECT 1 FORMAT Nothing", 404, "73"),
        ("SELECT 1 SETTINGS nothing = 1", 404, "115"),
        ("SELECT throwIf(1)", 500, "395"),
        ("SELECT toUInt8('x')", 400, "6"),
        ("", 400, "62"),
    ],
)
def test_errors_have_the_status_and_number_that_clickhouse_gives_them(
    writer: httpx.Client, sql: str, status: int, code: str
) -> None:
    answer = ask(writer, sql)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_unknown_databases_and_settings_are_named(writer: httpx.Client) -> None:
    answer = ask(writer, "SELECT 1", database="nothing")
    assert (answer.status_code, code_of(answer)) == (404, "81")
    answer = ask(writer, "SELECT 1", no_such_setting="1")
    assert (answer.status_code, code_of(answer)) == (404, "115")
    assert code_of(ask(writer, "SELECT 1", **{"a b": "1"})) == "36"


def test_headers_carry_the_query_id_and_nothing_that_was_smuggled_in(analyst: httpx.Client) -> None:
    assert ask(analyst, "SELECT 1", query_id="mine-1").headers["X-ClickHouse-Query-Id"] == "mine-1"
    answer = ask(analyst, "SELECT 1", query_id="x\r\nSet-Cookie: y=z")
    assert code_of(answer) == "36"
    assert "Set-Cookie" not in answer.headers
    assert code_of(ask(analyst, "SELECT 1", default_format="TSV\r\nX: y")) == "36"


def test_a_get_request_writes_nothing(writer: httpx.Client, table: str) -> None:
    answer = writer.get("/", params={"query": f"INSERT INTO {table} (n) VALUES (1)"})
    assert code_of(answer) == "164"
    assert code_of(writer.get("/", params={"query": f"DROP TABLE {table}"})) == "164"
    assert ask(writer, f"SELECT count() FROM {table}").text == "0\n"


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_compressed_body_is_inflated(writer: httpx.Client, table: str, encoding: str) -> None:
    rows = b"".join(b'{"n":%d,"s":"x"}\n' % n for n in range(50_000))
    headers = {"Content-Encoding": encoding}
    query = {"query": f"INSERT INTO {table} (n, s) FORMAT JSONEachRow"}
    answer = writer.post("/", params=query, content=ENCODERS[encoding](rows), headers=headers)
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "50000"
    assert ask(writer, f"SELECT count(), uniqExact(n) FROM {table}").text == "50000\t50000\n"
    torn = ENCODERS[encoding](rows)[:-20]
    assert code_of(writer.post("/", params=query, content=torn, headers=headers)) == "354"


def test_a_body_in_clickhouse_frames_is_taken_and_a_damaged_one_is_not(writer: httpx.Client, table: str) -> None:
    query = {"query": f"INSERT INTO {table} (n) FORMAT CSV", "decompress": "1"}
    body = Framer().compress(b"1\n2\n3\n")
    assert writer.post("/", params=query, content=body).status_code == 200
    assert code_of(writer.post("/", params=query, content=body[:-1] + b"x")) == "40"
    assert code_of(writer.post("/", params=query, content=body[:-1])) == "354"
    assert ask(writer, f"SELECT sum(n) FROM {table}").text == "6\n"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_bomb_is_refused_before_it_has_unfolded(analyst: httpx.Client, encoding: str) -> None:
    bomb = ENCODERS[encoding](bytes(64 << 20))
    answer = analyst.post("/", content=bomb, headers={"Content-Encoding": encoding})
    assert (answer.status_code, code_of(answer)) == (413, "307")


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "frames"])
def test_an_answer_is_compressed_as_the_client_asks(url: str, encoding: str) -> None:
    sql = "SELECT number FROM numbers(300000) FORMAT RowBinary"
    asked = {"compress": "1"} if encoding == "frames" else {"enable_http_compression": "1"}
    headers = {"Accept-Encoding": encoding}
    with (
        httpx.Client(auth=ANALYST) as client,
        client.stream("POST", url, params=asked, content=sql, headers=headers) as answer,
    ):
        packed = b"".join(answer.iter_raw())
        assert answer.headers.get("Content-Encoding", "frames") == encoding
    unpack: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.decompress,
        "lz4": lz4.frame.decompress,
        "frames": lambda data: b"".join(unframed([data])),
    }
    data = unpack[encoding](packed)
    assert len(packed) < len(data) == 2_400_000
    assert data[:24] == b"".join(n.to_bytes(8, "little") for n in range(3))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_large_answer_streams_without_being_held(writer: httpx.Client) -> None:
    sql = "SELECT repeat('x', 1000) FROM numbers(300000)"
    before = highest = resident_bytes()
    size = 0
    with writer.stream("POST", "/", content=sql, params={"max_block_size": "1000"}) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            highest = max(highest, resident_bytes())
    assert size == 300_300_000
    assert highest - before < 100 << 20


def collect(answer: httpx.Response, into: bytearray) -> None:
    for piece in answer.iter_raw():
        into += piece


def test_a_stream_that_fails_says_why_and_is_cut_off(url: str) -> None:
    sql = "SELECT throwIf(number = 300000) FROM numbers(400000)"
    received = bytearray()
    with httpx.Client(auth=WRITER) as client, client.stream("POST", url, content=sql) as answer:
        tag = answer.headers["X-ClickHouse-Exception-Tag"]
        with pytest.raises(httpx.RemoteProtocolError):
            collect(answer, received)
    assert answer.status_code == 200
    _, _, told = bytes(received).partition(f"\r\n__exception__\r\n{tag}\r\n".encode())
    assert told.startswith(b"Code: 395. DB::Exception: ")
    assert told.endswith(f" {tag}\r\n__exception__\r\n".encode())


def test_a_client_of_a_later_protocol_gets_native_blocks_it_can_read(analyst: httpx.Client) -> None:
    info = b"\x01\x00\x02\xff\xff\xff\xff\x00"
    asked = {"default_format": "Native", "client_protocol_version": "54460"}
    answer = ask(analyst, "SELECT 7::UInt8 AS a, 'x' AS b", **asked)
    assert answer.content == info + b"\x02\x01" + b"\x01a\x05UInt8\x00\x07" + b"\x01b\x06String\x00\x01x"
    answer = ask(analyst, "SELECT 7::UInt8 AS a WHERE 0", **asked)
    assert answer.content == info + b"\x01\x00" + b"\x01a\x05UInt8\x00"
    answer = ask(analyst, "EXISTS TABLE events", **asked)
    assert answer.content == info + b"\x01\x01" + b"\x06result\x05UInt8\x00\x01"


def test_the_checksum_of_frames_is_that_of_cityhash_1_0_2() -> None:
    vectors = {
        8: "0c8c382e0b39c3e0600475a45ebd2951", 15: "4f2638524fcc8c4b612650ffac47af86",
        16: "2425ac309c6f2eaa42984922f53c5834", 17: "65259031bd625101e14b6198fa7e3eeb",
        20: "96d491a2d2977c087fc6df58f2908e15", 25: "f9d06d9ed812a54150a1054f082adf39",
        33: "c01747004eba0d3da6e97153b67708f4", 143: "82144f0b0db0a8f9f91cee51499ac83c",
        144: "c96d1b3df2be776392dd3b2ebc523843", 160: "80b52cc530fbc014d88bd1907762e3dc",
        272: "5dbb509590727b766575d2b96dd33f4c", 1000: "59d85145036be58cf4e17225a367d3ce",
        65537: "51af1e63e4787da914ef9219f9148e39",
    }  # fmt: skip
    for size, expected in vectors.items():
        data = bytes((n * n + 7 * n + size) % 251 for n in range(size))
        assert city_hash_128(data).hex() == expected, size


def test_an_analyst_s_query_ends_at_its_limits(analyst: httpx.Client) -> None:
    answer = ask(analyst, ENDLESS)
    assert (answer.status_code, code_of(answer)) == (408, "159")
    assert code_of(ask(analyst, "SELECT groupArray(number) FROM numbers(100000000)")) == "241"
    assert code_of(ask(analyst, "SELECT number FROM numbers(100000000) FORMAT JSON")) == "396"
    assert ask(analyst, "SELECT 1").text == "1\n"


async def running(client: httpx.AsyncClient, marker: str) -> int:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{marker}%' AND query NOT LIKE '%processes%'"
    return int((await client.post("/", content=sql)).text)


@pytest.fixture
async def owner(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, auth=WRITER, timeout=30) as client:
        yield client


async def test_a_query_ends_when_its_client_leaves(owner: httpx.AsyncClient) -> None:
    asked = asyncio.create_task(owner.post("/", content=f"{ENDLESS} AND 'left' != ''"))
    while not await running(owner, "left"):
        assert not asked.done()
    asked.cancel()
    while await running(owner, "left"):
        pass


async def test_a_full_queue_is_refused_and_leaves_the_owner_free(chdb_path: Path, engine: Warehouse) -> None:
    with serve_interface(chdb_path, password="writes", analyst_password="reads", seconds=60, threads=1) as dsn:
        base = f"http://127.0.0.1:{urlsplit(dsn).port}"
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=base, limits=limits, timeout=60) as client:
            asked = [asyncio.create_task(client.post("/", content=ENDLESS, auth=ANALYST)) for _ in range(12)]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            answer = done.pop().result()
            assert (answer.status_code, code_of(answer)) == (503, "202")
            assert (await client.post("/", content="SELECT 1", auth=WRITER)).text == "1\n"
            for task in asked:
                task.cancel()
            while (await client.post("/", content="SELECT 1", auth=ANALYST)).text != "1\n":
                pass  # until the queue has noticed


def test_it_stops_while_queries_run_and_leaves_no_thread(chdb_path: Path, engine: Warehouse) -> None:
    before = set(threading.enumerate())
    answers: list[str] = []

    def ask_endlessly(base: str) -> None:
        try:
            answers.append(code_of(httpx.post(base, content=ENDLESS, auth=WRITER, timeout=60)))
        except httpx.TransportError:
            answers.append("cut off")

    with serve_interface(chdb_path, password="writes") as dsn:
        base = f"http://127.0.0.1:{urlsplit(dsn).port}"
        askers = [threading.Thread(target=ask_endlessly, args=(base,)) for _ in range(4)]
        for asker in askers:
            asker.start()
        while not engine.query(
            "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM system.num%'"
        ):
            pass
    for asker in askers:
        asker.join()
    assert len(answers) == 4
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"AnyIO worker thread"}


def test_an_insert_s_text_and_rows_may_come_together(writer: httpx.Client, table: str) -> None:
    native = ask(writer, "SELECT toUInt64(number) AS n, 'a\nb' AS s FROM numbers(3) FORMAT Native").content
    text = f"/* FORMAT CSV */ INSERT INTO {table} (n, s) SETTINGS async_insert = 0 FORMAT Native\n"
    assert writer.post("/", content=text.encode() + native).status_code == 200
    assert ask(writer, f"INSERT INTO {table} (n, s) FORMAT CSV 3,x\n4,y").status_code == 200
    assert (
        ask(writer, f"INSERT INTO {table} (n, s) VALUES (5, 'FORMAT CSV'), ({{n:UInt8}}, 'y')", param_n="6").text == ""
    )
    assert ask(writer, f"INSERT INTO {table} (n) SELECT number + 7 FROM numbers(2)").text == ""
    assert writer.post("/", params={"query": f"INSERT INTO {table} (n) FORMAT CSV"}).status_code == 200
    rows = ask(writer, f"SELECT n, s FROM {table} ORDER BY n").text
    assert rows == "0\ta\\nb\n1\ta\\nb\n2\ta\\nb\n3\tx\n4\ty\n5\tFORMAT CSV\n6\ty\n7\t\n8\t\n"


def test_rows_that_do_not_parse_are_refused(writer: httpx.Client, table: str) -> None:
    answer = writer.post("/", content=io.BytesIO(f"INSERT INTO {table} (n) FORMAT CSV\n1\nx\n".encode()))
    assert (answer.status_code, code_of(answer)) == (400, "117")
    assert ask(writer, f"SELECT count() FROM {table}").text == "0\n"


DECODERS: dict[str, tuple[dict[str, str], dict[str, str], Callable[[bytes], bytes]]] = {
    "frames": ({"compress": "1"}, {}, lambda body: b"".join(unframed([body]))),
    "lz4": ({"enable_http_compression": "1"}, {"Accept-Encoding": "lz4"}, lz4.frame.decompress),
    "gzip": ({"enable_http_compression": "1"}, {"Accept-Encoding": "gzip"}, gzip.decompress),
}


@pytest.mark.parametrize("encoding", DECODERS)
@pytest.mark.parametrize(
    ("sql", "code"), [("SELECT 1 FROM nothing", "60"), ("SELECT 1 FROM", "62"), ("SELECT x", "47")]
)
def test_an_error_comes_through_the_encoding_that_was_asked_for(url: str, encoding: str, sql: str, code: str) -> None:
    parameters, headers, decode = DECODERS[encoding]
    for auth in (ANALYST, WRITER, ("analyst", "wrong")):
        with httpx.stream("POST", url, auth=auth, content=sql, params=parameters, headers=headers) as answer:
            body = decode(b"".join(answer.iter_raw())).decode()
        expected = "516" if auth[1] == "wrong" else code
        assert answer.headers["x-clickhouse-exception-code"] == expected
        assert body.startswith(f"Code: {expected}. DB::Exception: ")


def test_a_user_kills_an_own_query_and_is_told_so(url: str, analyst: httpx.Client) -> None:
    """While every reader is busy."""
    endless = "SELECT count() FROM system.numbers WHERE NOT ignore(number)"
    answers: dict[str, httpx.Response] = {}

    def ask_in_thread(name: str) -> None:
        with httpx.Client(base_url=url, auth=ANALYST, timeout=60) as client:
            answers[name] = client.post("/", content=endless, params={"query_id": name})

    threads = [threading.Thread(target=ask_in_thread, args=(f"endless-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for n, thread in enumerate(threads):
        killed = ""
        while thread.is_alive() and not killed:
            killed = analyst.post("/", content=f"KILL QUERY WHERE query_id = 'endless-{n}'").text
        thread.join(60)
        assert killed == f"waiting\tendless-{n}\tanalyst\t\n" or answers[f"endless-{n}"].status_code == 408
    assert {answer.status_code for answer in answers.values()} <= {500, 408}


@pytest.mark.parametrize(
    "sql",
    [
        "KILL QUERY WHERE user = 'analyst'",
        "KILL QUERY WHERE query_id != ''",
        "KILL QUERY WHERE query_id = 'a' OR 1",
        "KILL MUTATION WHERE query_id = 'a'",
        "KILL QUERY WHERE query_id IN (SELECT 'a')",
    ],
)
def test_no_other_form_of_kill_is_open(analyst: httpx.Client, sql: str) -> None:
    assert analyst.post("/", content=sql).headers["x-clickhouse-exception-code"] in ("497", "62")


def test_the_query_of_another_user_is_not_found(analyst: httpx.Client) -> None:
    answer = analyst.post("/", content="KILL QUERY WHERE query_id = 'nobodys' SYNC")
    assert (answer.status_code, answer.text) == (200, "")


def test_with_wait_end_of_query_a_late_error_is_a_status(analyst: httpx.Client) -> None:
    sql = "SELECT throwIf(number = 300000) FROM numbers(400000)"
    assert analyst.post("/", content=sql, params={"wait_end_of_query": "1"}).status_code == 500
    whole = analyst.post("/", content="SELECT number FROM numbers(300000)", params={"wait_end_of_query": "1"})
    assert (whole.status_code, whole.text.count("\n")) == (200, 300_000)


def test_pages_of_any_origin_may_ask_with_a_password_of_their_own(url: str, analyst: httpx.Client) -> None:
    preflight = httpx.options(url, headers={"Origin": "https://tool.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert "x-clickhouse-user" in preflight.headers["access-control-allow-headers"]
    for answer in (
        analyst.post("/", content="SELECT 1"),
        analyst.post("/", content="SELECT"),
        httpx.get(f"{url}/ping"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_statements_that_no_limit_ends_do_not_take_all_readers(chdb_path: Path) -> None:
    """Threads that are deaf to their limit are replaced, and the replacements go when they are not needed."""
    goes_on = threading.Event()

    def be_deaf(handle: object, answer: object) -> None:
        goes_on.wait(60)

    async def use() -> None:
        reading = await asyncio.to_thread(Engine, str(chdb_path), threads=2, patience_seconds=0.05)
        deaf = [reading.run(f"deaf-{n}", be_deaf) for n in range(2)]
        await asyncio.sleep(0.2)
        for n in range(3):
            await asyncio.wait_for(reading.run(f"short-{n}", lambda handle, answer: None).ended(), 60)
        assert not deaf[0].finished.is_set()
        goes_on.set()
        for answer in deaf:
            await asyncio.wait_for(answer.ended(), 60)
        await asyncio.to_thread(reading.close)

    asyncio.run(use())


@pytest.mark.parametrize("fmt", ["RowBinaryWithNames", "RowBinaryWithNamesAndTypes"])
def test_binary_rows_with_a_head_are_streamed_with_one_head(analyst: httpx.Client, fmt: str) -> None:
    """Of an answer that would not fit the memory it may take as a whole."""
    few = analyst.post("/", content=f"SELECT number, toString(number) AS s FROM numbers(1) FORMAT {fmt}").content
    none = analyst.post("/", content=f"SELECT number, toString(number) AS s FROM numbers(0) FORMAT {fmt}").content
    assert few == none + (0).to_bytes(8, "little") + b"\x010"
    many = analyst.post("/", content=f"SELECT number, toString(number) AS s FROM numbers(300000) FORMAT {fmt}").content
    rows = sum(8 + 1 + len(str(number)) for number in range(300_000))
    assert len(many) == len(none) + rows
    assert many.startswith(none)
    assert many.count(none) == 1


def test_the_current_user_is_who_asks(analyst: httpx.Client) -> None:
    assert analyst.post("/", content="SELECT currentUser(), user() AS u, upper(currentUser())").text == (
        "analyst\tanalyst\tANALYST\n"
    )
