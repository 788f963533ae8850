"""`ask0 segment export`: a segment as a file, whole or not at all."""

import csv
import io
import json
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.processes import Finished, Server, run
from tests.cli.test_segment import Shop


class Exporter(Shop):
    def export(self, *arguments: str) -> Finished:
        return run(
            "segment",
            "export",
            *arguments,
            "--secret-key",
            self._secret,
            "--url",
            self.server.url,
            settings=self.server.settings,
        )


@pytest.fixture(scope="module")
def shop(server: Server) -> Exporter:
    return Exporter(server)


def test_the_file_has_who_is_in_the_segment_and_the_receipt_tells_of_it(shop: Exporter, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    done = shop.export(shop.large, "-o", str(path))
    assert (done.code, done.err) == (0, "")
    assert [json.loads(line)["id"] for line in path.read_bytes().splitlines()] == ["seg-7", "seg-8", "seg-9"]
    assert (done.json["users"], done.json["sha256"]) == (3, sha256(path.read_bytes()).hexdigest())
    table = tmp_path / "large.csv"
    assert shop.export(shop.large, "-o", str(table), "--format", "csv").code == 0
    assert [row["id"] for row in csv.DictReader(io.StringIO(table.read_text()))] == ["seg-7", "seg-8", "seg-9"]
    archive = tmp_path / "large.zip"
    assert shop.export(shop.large, "-o", str(archive), "--format", "csv", "--everything").code == 0
    assert "events.csv" in ZipFile(archive).namelist()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["large.csv", "large.jsonl", "large.zip"]


def test_what_cannot_be_exported_leaves_no_file(shop: Exporter, tmp_path: Path) -> None:
    done = shop.export("seg_none", "-o", str(tmp_path / "none"))
    assert done.code == 1
    assert "there is no segment of this id" in done.err
    done = shop.export(shop.large, "-o", str(tmp_path / "nowhere" / "file"))
    assert (done.code, "cannot be written" in done.err) == (1, True)
    assert list(tmp_path.iterdir()) == []
