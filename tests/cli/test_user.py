"""`ask0 user`: the same users whether the server runs or not; what is taken out can be brought in again."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.cli.user_import import MAX_BATCH_USERS
from ask0.schemas.user_files import FIELDS, Line, Refused, read_users, write_head, write_line, write_row
from bench.stack import free_port, wait_for
from tests.cli.processes import Finished, Server, run

FORMULAS = ["=1+1", "+49 30", "-x", "@A1", "\t=1", "'=1", "''+x", "＝1", "'plain", "a;=1", 'a"b', "two\nlines", "-5"]


class People:
    """A server with users in it, and its secret key."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secret: str = server.run("key", "create", "--secret", "--json").json["key"]

    def run(self, *arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> Finished:
        return self.server.run("user", *arguments, stdin=stdin, cwd=cwd)

    def bring(self, file: str, *options: str, stdin: bytes = b"") -> Finished:
        return self.run("import", file, "--secret-key", self.secret, *options, stdin=stdin)

    def user(self, id: str) -> Any:
        address = f"{self.server.url}/v1/projects/-/users/{id}"
        return httpx.get(address, headers={"authorization": f"Bearer {self.secret}"}).json()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with Server(tmp_path_factory.mktemp("user") / "data") as server:
        people = People(server)
        users = [
            {"id": f"cli-{n:04}", "email": f"u{n}@example.com", "plan": ("free", "pro")[n % 2], "traits": {"seats": n}}
            for n in range(1200)
        ]
        done = people.bring("-", stdin=b"".join(json.dumps(user).encode() + b"\n" for user in users))
        assert done.code == 0, done
        wait_for(lambda: server.query("SELECT uniqExact(id) FROM user_rows") == "1200", "the users")
        yield people


def test_one_user_as_a_table_and_as_the_api_shows_them(people: People) -> None:
    done = people.run("get", "cli-0007")
    assert done.code == 0
    assert "u7@example.com" in done.out
    assert people.run("get", "cli-0007", "--json").json == people.user("cli-0007")
    nobody = people.run("get", "nobody")
    assert (nobody.code, len(nobody.err.splitlines())) == (1, 1)


def test_a_list_by_filter_search_and_sort(people: People) -> None:
    asked = ("--filter", '{"plan": "pro"}', "--sort", "-traits.seats", "--limit", "3")
    assert [user["id"] for user in people.run("list", *asked, "--json").json] == ["cli-1199", "cli-1197", "cli-1195"]
    table = people.run("list", *asked).out.splitlines()
    assert table[0].split()[:2] == ["id", "email"]
    assert [line.split()[0] for line in table[1:]] == ["cli-1199", "cli-1197", "cli-1195"]
    assert [user["id"] for user in people.run("list", "--search", "u12@", "--json").json] == ["cli-0012"]
    assert len(people.run("list", "--limit", "450", "--json").json) == 450
    assert "no such users" in people.run("list", "--search", "nobody").out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--filter", "{"),
        ("--filter", '{"trait": "plan", "op": "like"}'),
        ("--filter", '{"segment": "seg_unknown"}'),
        ("--sort", "a,b,c,d"),
        ("--search", "x" * 201),
        ("--limit", "0"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(people: People, wrong: tuple[str, ...]) -> None:
    done = people.run("list", *wrong)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_segments_and_who_is_deactivated_are_as_the_api_has_them(people: People) -> None:
    headers = {"authorization": f"Bearer {people.secret}"}
    base = f"{people.server.url}/v1/projects/-"
    asked = {"name": "Few", "filter": {"all": [{"trait": "traits.seats", "op": "lt", "value": 2}]}}
    segment = httpx.post(f"{base}/segments", json=asked, headers=headers).json()
    assert httpx.post(f"{base}/users/cli-0001/deactivate", json={"reason": "spam"}, headers=headers).is_success
    found = people.run("list", "--filter", json.dumps({"segment": segment["id"]}), "--json").json
    assert [(user["id"], user["status"]) for user in found] == [("cli-0000", "Active"), ("cli-0001", "Deactivated")]
    found = people.run("list", "--filter", '{"status": "Deactivated"}', "--json").json
    assert [user["id"] for user in found] == ["cli-0001"]


@pytest.mark.parametrize("fmt", ["jsonl", "csv"])
def test_an_export_has_everyone_once(people: People, fmt: str) -> None:
    done = people.run("export", "--format", fmt)
    assert (done.code, done.err) == (0, "")
    lines = csv.DictReader(io.StringIO(done.out)) if fmt == "csv" else map(json.loads, done.out.splitlines())
    users = [user for user in lines if user["id"].startswith("cli-")]
    assert [user["id"] for user in users] == [f"cli-{n:04}" for n in range(1200)]
    assert users[7]["email"] == "u7@example.com"
    some = people.run("export", "--filter", '{"traits.seats": {"gte": 1198}}').out.splitlines()
    assert [json.loads(line)["id"] for line in some] == ["cli-1198", "cli-1199"]


def test_a_csv_changes_what_it_names(people: People, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(
        "\ufeffid,email,plan,traits.seats,traits.city,tags,consent.marketing,status\r\n"
        'csv-1,one@example.com,,5,Köln,"a,b",denied,Deactivated\r\n'
        'csv-2,two@example.com,pro,"[1,2]","two\nlines",,,\r\n'
    )
    done = people.bring(str(path), "--json")
    assert (done.code, done.json["refused"], done.err) == (0, 0, "")
    wait_for(lambda: people.user("csv-2").get("plan") == "pro", "the users")
    one, two = people.user("csv-1"), people.user("csv-2")
    assert (one["email"], one["plan"], one["traits"]) == ("one@example.com", None, {"seats": 5, "city": "Köln"})
    assert (sorted(one["tags"]), one["consent"]) == (["a", "b"], {"marketing": "denied"})
    assert one["status"] != "Deactivated"
    assert two["traits"] == {"seats": [1, 2], "city": "two\nlines"}


def test_every_refused_line_is_reported(people: People, tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    lines = [
        b'{"id":"ref-1","plan":"pro"}',
        b"not json",
        b"",
        b'{"id":"ref-2","plann":"pro"}',
        b'{"plan":"pro"}',
        b"[1]",
        b'{"id":7}',
        b'{"id":"ref-3","traits":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"id":"ref-4","email":"x@example.com"}',
    ]
    path.write_bytes(b"\n".join(lines))
    report = tmp_path / "report.jsonl"
    done = people.bring(str(path), "--report", str(report), "--json", "--format", "jsonl")
    assert (done.code, done.err) == (1, "")
    assert (done.json["applied"] + done.json["pending"], done.json["refused"]) == (2, 6)
    told = sorted(map(json.loads, report.read_text().splitlines()), key=lambda one: one["line"])
    assert [one["line"] for one in told] == [2, 4, 5, 6, 7, 8]
    assert all(one["code"] and one["message"] for one in told)
    done = people.bring(str(path))
    assert done.code == 1
    assert len(done.err.splitlines()) == 6
    assert "6 lines are refused" in done.out


def test_more_than_one_batch(people: People) -> None:
    count = MAX_BATCH_USERS + 1
    lines = b"".join(b'{"id":"many-%d","plan":"x"}\n' % n for n in range(count)) + b'{"id":""}\n'
    done = people.bring("-", "--json", stdin=lines)
    assert (done.json["applied"] + done.json["pending"], done.json["refused"]) == (count, 1)
    assert done.err.startswith(f"line {count + 1}")


@pytest.mark.parametrize(
    ("head", "said"), [(b"email\na@b", "one of which is id"), (b"id,seats\n1,2", "traits.seats"), (b"id,id\n", "two")]
)
def test_a_csv_whose_columns_are_unknown_is_not_sent(people: People, head: bytes, said: str) -> None:
    done = people.bring("-", stdin=head)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert said in done.err


def test_a_wrong_key_and_no_key(people: People) -> None:
    done = people.run("import", "-", "--secret-key", "sk_wrong", stdin=b'{"id":"x"}\n')
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "secret key" in done.err
    assert people.run("import", "-", stdin=b'{"id":"x"}\n').code == 2


def test_without_a_server_it_gives_up_with_the_code_for_away() -> None:
    to = ("--url", f"http://127.0.0.1:{free_port()}", "--secret-key", "sk_x", "--patience", "0.2")
    done = run("user", "import", "-", *to, settings={}, stdin=b'{"id":"x"}\n')
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    done = run("user", "import", "-", "--url", "nowhere", "--secret-key", "sk_x", settings={}, stdin=b'{"id":"x"}\n')
    assert (done.code, len(done.err.splitlines())) == (1, 1)


def test_with_the_server_stopped_the_same_is_shown(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        people = People(server)
        assert people.bring("-", stdin=b'{"id":"ada","plan":"pro"}\n').code == 0
        wait_for(lambda: people.user("ada").get("plan") == "pro", "the user")
        shown = people.run("list", "--json").json
        assert server.stop() == 0
        assert people.run("list", "--json").json == shown
        assert json.loads(people.run("export").out)["id"] == "ada"


def profile(**known: Any) -> dict[str, Any]:
    return dict.fromkeys(FIELDS) | {"tags": [], "traits": {}, "consent": {}, "anonymousIds": []} | known


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_is_no_formula_and_comes_back_as_it_was(text: str) -> None:
    user = profile(id=text, name=text, traits={"t": text, "n": -5}, tags=["a,b"], consent={"x": "denied"})
    written = write_head() + write_row(user)
    (row,) = csv.DictReader(io.StringIO(written.decode(), newline=""))
    assert not row["name"].startswith(tuple("=+-@\t\r＝"))
    (line,) = read_users(io.BytesIO(written), None)
    assert isinstance(line, Line)
    assert line.user == {name: user[name] for name in ("id", "name", "traits", "tags", "consent")}


def test_json_lines_come_back_without_what_follows_from_other_things() -> None:
    first = "2026-01-01T00:00:00.000Z"
    user = profile(id="a", plan="pro", traits={"t": 1}, status="Guest", conversations=3, firstSeenAt=first)
    user["createdAt"] = first  # nobody has set it
    (line,) = read_users([write_line(user)], None)
    assert line == Line(1, {"id": "a", "plan": "pro", "tags": [], "traits": {"t": 1}, "consent": {}})


def test_lines_of_csv_that_cannot_be_read_are_refused_with_their_numbers() -> None:
    lines = [
        b"id,plan\n",
        b'"a\n',
        b'b",pro\n',
        b"c\n",
        b"\n",
        b"d," + b"x" * 200_000 + b"\n",
        b"e,\xff\n",
        b"f,free\n",
    ]
    read = list(read_users(lines, None))
    assert read[0] == Line(2, {"id": "a\nb", "plan": "pro"})
    assert [one.line for one in read if isinstance(one, Refused)] == [4, 6]
    assert read[-1] == Line(8, {"id": "f", "plan": "free"})
