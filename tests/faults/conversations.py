"""A file of made-up conversations in the format that `ask0 demo` plays."""

import gzip
import json
from pathlib import Path


def write_conversations(path: Path, count: int, name: str = "conversation") -> tuple[int, int]:
    """(questions, answers) in the file."""
    questions = answers = 0
    with gzip.open(path, "wt") as file:
        for n in range(count):
            turns = []
            for turn in range(2 + n % 5):
                turns.append({"role": "user", "text": f"question {turn} of {n}", "acts": ["REQUEST"], "intent": "Ask"})
                turns.append({"role": "assistant", "text": f"answer {turn} of {n}", "acts": ["INFORM"]})
            questions += len(turns) // 2
            answers += len(turns) // 2
            file.write(json.dumps({"id": f"{name}-{n}", "services": ["Hotels_1"], "turns": turns}) + "\n")
    return questions, answers
