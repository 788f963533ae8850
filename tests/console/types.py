"""The console's types of the API, made from what the gateway says of itself: `make console-types` writes them."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.gateway.running import nowhere, running

CONSOLE = Path(__file__).parents[2] / "console"
TYPES = CONSOLE / "src" / "api" / "schema.d.ts"
GENERATOR = CONSOLE / "types" / "node_modules" / ".bin" / "openapi-typescript"
USED = ("/v1/projects/{project}", "/v1/session")  # of the paths


def generate() -> str:
    with tempfile.TemporaryDirectory() as folder, nowhere() as warehouse, running(Path(folder), warehouse) as gateway:
        described = Path(folder) / "openapi.json"
        described.write_text(json.dumps(without_what_is_not_used(gateway.client.get("/openapi.json").json())))
        command = [str(GENERATOR), str(described), "--default-non-nullable=false"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def without_what_is_not_used(description: dict[str, Any]) -> dict[str, Any]:
    """Errors are all alike, and headers are read by name: with them the file would be ten times as long."""
    paths = {path: methods for path, methods in description["paths"].items() if path.startswith(USED)}
    for methods in paths.values():
        for operation in methods.values():
            answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
            operation["responses"] = {
                status: {name: value for name, value in answer.items() if name != "headers"}
                for status, answer in answers.items()
            }
    schemas = description["components"]["schemas"]
    found: set[str] = set()
    left = {*_names_in(paths)}
    while left:
        found |= left
        left = {*_names_in([schemas[name] for name in left])} - found
    kept = {name: schema for name, schema in schemas.items() if name in found}
    return {**description, "paths": paths, "components": {"schemas": kept}}


def _names_in(part: Any) -> list[str]:
    return re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part))


if __name__ == "__main__":
    TYPES.write_text(generate())
