"""Every version of the widget that was ever served here: pages pin one, and an upgrade must not take it away."""

import logging
import re
import shutil
from pathlib import Path

VERSIONED = re.compile(r"((ask0|auto)\.\d[\w.-]*|more\.\w+)\.js")

logger = logging.getLogger(__name__)


def versioned_files(built: Path, kept: Path) -> dict[str, Path]:
    """By name. What is built is copied into `kept`, which outlives the release; where that fails, a warning says so."""
    try:
        kept.mkdir(parents=True, exist_ok=True)
        for path in built.iterdir():
            if VERSIONED.match(path.name) and not (kept / path.name).exists():
                draft = kept / f".{path.name}"
                shutil.copyfile(path, draft)
                draft.replace(kept / path.name)
        files = [*kept.iterdir(), *built.iterdir()]
    except OSError as error:
        logger.warning("pages that pin this version of the widget lose it with the next", extra={"error": str(error)})
        files = list(built.iterdir())
    return {path.name: path for path in files if VERSIONED.fullmatch(path.name)}
