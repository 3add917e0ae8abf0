"""Our own two questions for each benchmark, in the data sets' columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MMLU = {"question": "Which?", "options": ["2", "3", "4"], "category": "mathematics"}
_GPQA = {"Correct Answer": "2", "Incorrect Answer 1": "3", "Incorrect Answer 2": "4"}
FILES: dict[str, list[dict[str, Any]]] = {
    "math-500": [
        {"problem": "What is $1+1$?", "answer": "2", "unique_id": "m1"},
        {"problem": "What is $1+2$?", "answer": "3", "unique_id": "m2"},
    ],
    "amc23": [
        {"question": "What is $2+2$?", "answer": "4.0", "id": 1},
        {"question": "What is $2+3$?", "answer": "5", "id": 2},
    ],
    "aime24": [
        {"problem": "What is $3+3$?", "answer": "006", "id": 1},
        {"problem": "What is $3+4$?", "answer": "7", "id": 2},
    ],
    "mmlu-pro": [
        {**_MMLU, "answer": "A", "question_id": 1},
        {**_MMLU, "answer": "B", "question_id": 2},
    ],
    "bbeh": [
        {"input": "Say yes.", "target": "yes", "task": "saying", "mini": True},
        {"input": "Say no.", "target": "no", "task": "saying", "mini": True},
    ],
    "gpqa-diamond": [
        {**_GPQA, "Question": "1+1?", "Incorrect Answer 3": "5", "Record ID": "g1"},
        {**_GPQA, "Question": "2+0?", "Incorrect Answer 3": "6", "Record ID": "g2"},
    ],
}


def write_questions(folder: Path) -> dict[str, Path]:
    """A file of JSON lines for each benchmark, by name."""
    paths = {}
    for name, records in FILES.items():
        paths[name] = folder / f"{name}.jsonl"
        paths[name].write_text("".join(json.dumps(record) + "\n" for record in records))
    return paths
