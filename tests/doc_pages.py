"""The pages of the documentation, and the code blocks in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PATHS = (ROOT / "README.md", ROOT / "deploy" / "README.md", ROOT / "widget" / "README.md", *ROOT.glob("docs/*.md"))
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(PATHS)}
SDK_PAGES = {f"sdk/{name}/README.md": (ROOT / "sdk" / name / "README.md").read_text() for name in ("node", "python")}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


BLOCKS = [
    Block(page, text[: found.start()].count("\n") + 1, found[1], found[2])
    for page, text in PAGES.items()
    for found in FENCED.finditer(text)
]


def blocks(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]
