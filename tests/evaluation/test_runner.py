"""An evaluation from questions to scores: what it leaves, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import DataError, InfrastructureError, PluginError, UsageError
from scaler_core.evaluation import Watcher, evaluate, regrade
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.evaluation.tables import markdown
from scaler_core.interfaces import BenchmarkRow
from scaler_core.models import Question, Response, Verdict
from tests.evaluation.worlds import Other, ScriptedModel, Sums, plan, right, row, run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def wrong_for(*numbers: int) -> ScriptedModel:
    def answer(question: Question) -> str:
        number = int(question.messages[0]["content"].partition("+")[0])
        return "\\boxed{0.5}" if number in numbers else right(question)

    return ScriptedModel(answer)


def test_an_evaluation_leaves_all_its_files(tmp_path: Path) -> None:
    summary = run(tmp_path, wrong_for(1, 2, 3), Sums(), Other())
    assert [score.score for score in summary.scores] == [0.5, 0.5]
    assert {item.name for item in tmp_path.iterdir()} == {
        ".lock",
        "evaluation.json",
        "questions",
        "responses.jsonl",
        "results",
        "summary.json",
        "summary.md",
    }
    assert len(lines(tmp_path / "responses.jsonl")) == 24
    results = lines(tmp_path / "results" / "sums.jsonl")
    assert [item["row"] for item in results] == [f"sum-{n}" for n in range(6) for _ in range(2)]
    assert (results[2]["result"], results[2]["reason"]) == ("incorrect", "wrong value")
    assert results[2]["category"] == "odd"
    assert json.loads((tmp_path / "summary.json").read_text())["scores"][0]["source"] == "memory"
    assert (tmp_path / "summary.md").read_text() == markdown(summary)
    assert "| sums | 50.00 |" in (tmp_path / "summary.md").read_text()


def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path: Path) -> None:
    dying = ScriptedModel(dies_after=7)
    with pytest.raises(ConnectionError):
        run(tmp_path, dying)
    assert not (tmp_path / "summary.json").exists()
    model = ScriptedModel()
    summary = run(tmp_path, model)
    assert len(model.asked) == 12 - 7
    assert {item.seed for item in model.asked}.isdisjoint({item.seed for item in dying.asked})
    assert [item.score for item in summary.scores] == [1.0]


def test_a_finished_evaluation_asks_nothing_more(tmp_path: Path) -> None:
    first = run(tmp_path, ScriptedModel())
    model = ScriptedModel()
    assert run(tmp_path, model) == first
    assert model.asked == []


def test_more_samples_questions_and_benchmarks_only_add(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel(), limit=3, samples=1)
    model = ScriptedModel()
    summary = run(tmp_path, model, Sums(), Other(), limit=4, samples=2)
    assert len(model.asked) == 2 * 4 * 2 - 3
    assert [(item.questions, item.samples, item.whole) for item in summary.scores] == [
        (4, 8, False),
        (4, 8, False),
    ]


def test_a_question_that_changed_is_asked_anew(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel(), Sums([row(1), row(2)]))
    changed = row(2).model_copy(update={"messages": ({"role": "user", "content": "2+2?"},)})
    model = ScriptedModel(lambda question: "\\boxed{4}")
    run(tmp_path, model, Sums([row(1), changed]))
    assert len(model.asked) == 2


def test_another_model_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="with other weights, another prompt") as caught:
        run(tmp_path, ScriptedModel(), identity="2")
    assert "-o" in str(caught.value)
    with pytest.raises(UsageError, match=r"holds an evaluation of scripted \("):
        run(tmp_path, ScriptedModel(), identity="2", model="other")
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_questions_that_are_not_there_are_told_before_the_model_is_asked(tmp_path: Path) -> None:
    class Missing(Other):
        def rows(self) -> list[BenchmarkRow]:
            raise UsageError("get the file first")

    model, first = ScriptedModel(), Sums()
    with pytest.raises(UsageError, match="get the file first"):
        run(tmp_path / "new", model, first, Missing())
    assert model.asked == []
    assert not (tmp_path / "new").exists()
    assert first.closed == 1


def test_a_benchmark_without_questions_is_no_score_of_zero(tmp_path: Path) -> None:
    empty = Sums()
    empty.questions = []
    with pytest.raises(DataError, match="'sums' has no question"):
        run(tmp_path, ScriptedModel(), empty)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    with EvaluationDirectory(tmp_path).locked(), pytest.raises(UsageError, match="another process"):
        run(tmp_path, ScriptedModel())


@pytest.mark.parametrize("indices", [[0, 0], [12], [-1]])
def test_answers_that_nobody_asked_for_are_the_backends_fault(
    tmp_path: Path, indices: list[int]
) -> None:
    def ask(questions: Sequence[Question]) -> list[tuple[int, Response]]:
        return [(index, Response(text="x")) for index in indices]

    with pytest.raises(PluginError, match="came twice or unasked"):
        evaluate(plan(), ask, tmp_path)


def test_questions_that_stay_unanswered_end_the_evaluation_and_the_rest_is_kept(
    tmp_path: Path,
) -> None:
    def ask(questions: Sequence[Question]) -> list[tuple[int, Response]]:
        return [(3, Response(text="x"))]

    with pytest.raises(InfrastructureError, match="11 of 12 questions of sums"):
        evaluate(plan(), ask, tmp_path)
    model = ScriptedModel()
    run(tmp_path, model)
    assert len(model.asked) == 11


def test_undecided_responses_are_graded_once_more(tmp_path: Path) -> None:
    class Shaky(Sums):
        def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
            verdict = super().grade(response, row)
            return verdict if self.grades % 2 == 0 else Verdict.undecided("lost a worker")

    class Lost(Sums):
        def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
            self.grades += 1
            raise OSError("no process")

    # one question, so that calls come in order
    shaky, lost = Shaky([row(1, samples=1)]), Lost([row(1, samples=1)])
    assert run(tmp_path / "shaky", ScriptedModel(), shaky).scores[0].undecided == 0
    score = run(tmp_path / "lost", ScriptedModel(), lost).scores[0]
    assert (score.score, score.undecided, lost.grades) == (None, 1, 2)
    assert lines(tmp_path / "lost" / "results" / "sums.jsonl")[0]["reason"] == (
        "benchmark 'sums' raised OSError"
    )


def test_regrading_needs_no_model_and_no_questions(tmp_path: Path) -> None:
    class Strict(Sums):
        def rows(self) -> list[BenchmarkRow]:
            raise AssertionError("the rows were kept")

        def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
            return Verdict.incorrect("strict") if row.truth == "2" else super().grade(response, row)

    first = run(tmp_path, ScriptedModel())
    again = regrade(tmp_path, [Strict()])
    assert first.scores[0].score == 1.0
    assert again.scores[0].score == pytest.approx(5 / 6)
    assert again.scores[0].seconds == first.scores[0].seconds
    assert again.scores[0].source == "memory"
    assert json.loads((tmp_path / "summary.json").read_text())["scores"][0]["score"] < 1


def test_regrading_an_interrupted_evaluation_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        run(tmp_path, ScriptedModel(dies_after=5))
    with pytest.raises(DataError, match="7 responses are missing") as caught:
        regrade(tmp_path, [Sums()])
    assert "go on with it first" in str(caught.value)
    with pytest.raises(UsageError, match="holds no evaluation"):
        regrade(tmp_path / "nowhere", [Sums()])


def test_the_watcher_is_told_everything_once(tmp_path: Path) -> None:
    class Counting(Watcher):
        def __init__(self) -> None:
            self.told: list[str] = []

        def answering(self, benchmark: str, samples: int, kept: int) -> None:
            self.told.append(f"{benchmark} {samples} {kept}")

        def answered(self) -> None:
            self.told.append("answered")

        def graded(self) -> None:
            self.told.append("graded")

    with pytest.raises(ConnectionError):
        run(tmp_path, ScriptedModel(dies_after=5))
    watcher = Counting()
    evaluate(plan(), ScriptedModel().ask, tmp_path, watcher)
    assert watcher.told[0] == "sums 12 5"
    assert watcher.told.count("answered") == 7
    assert watcher.told.count("graded") == 12


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel())
    (tmp_path / "evaluation.json").write_text('{"model": 3}')
    with pytest.raises(DataError, match=r"evaluation\.json is damaged: model"):
        run(tmp_path, ScriptedModel())


class Ten(Sums):
    """A benchmark of ten questions, however few are given."""

    def size(self) -> int:
        return 10


def test_a_file_with_a_part_of_the_questions_is_shown_as_a_part(tmp_path: Path) -> None:
    summary = run(tmp_path, ScriptedModel(), Ten())
    assert not summary.scores[0].whole
    assert "6 (part)" in markdown(summary)


def test_scores_of_before_are_gone_while_another_evaluation_is_under_way(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel())
    with pytest.raises(ConnectionError):
        run(tmp_path, ScriptedModel(dies_after=1), Other())
    assert not list(tmp_path.glob("summary.*"))


def test_another_engine_does_not_go_on_with_an_evaluation(tmp_path: Path) -> None:
    run(tmp_path, ScriptedModel(), samples=1, engine="transformers")
    with pytest.raises(UsageError, match=r"begun with engine transformers, not vllm"):
        run(tmp_path, ScriptedModel(), samples=2, engine="vllm")


@pytest.mark.parametrize(
    "record", [{}, {"response": 5}, {"response": {}}, {"seconds": 1, "response": {"text": 3}}]
)
def test_a_kept_line_without_a_response_is_told_with_its_key(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    run(tmp_path, ScriptedModel())
    path = tmp_path / "responses.jsonl"
    first, *others = lines(path)
    damaged = {"key": first["key"], **record}
    path.write_text("".join(json.dumps(item) + "\n" for item in [damaged, *others]))
    with pytest.raises(DataError, match=rf"responses.jsonl: .*{first['key']}.* no response"):
        run(tmp_path, ScriptedModel())
