"""``scaler synth``: from problems to a pool over real HTTP, whatever the model says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.cli import main
from scaler_core.models import Environment
from scaler_core.pool import open_pool
from scaler_core.pool.published import published_text, read_published, write_published
from scaler_core.synthesis.config import CheckSettings
from scaler_core.testing.endpoint import (
    HOSTILE_SOURCES,
    RecordedEndpoint,
    Reply,
    cut_off,
    hostile_code,
    refused,
    server_error,
    wrong_json,
)
from tests.cli.running import Scaler
from tests.synthesis.recorded import Fault, RecordedModel, known_by_title, told

KEY = "a-key-that-is-found-nowhere"
NAMES = ("largest-value", "count-target", "longest-run", "latest-letter")
#: Enough draws to tell a good generator from a bad one, and few enough for a test.
QUICK = (
    "--allow-weak-sandbox",
    "--set",
    "check.breadth=12",
    "--set",
    "check.depth=40",
    "--set",
    "check.edges=4",
    "--set",
    "check.repeats=2",
    "--set",
    "calibrate.draws=6",
    "--set",
    "calibrate.end_draws=25",
    "--set",
    "endpoint.backoff_s=0",
    "--set",
    "sampling.seed=0",
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALER_ENDPOINT_KEY", KEY)


def starter(*names: str) -> list[Environment]:
    """Environments of the starter pack: what a good model makes of their problems."""
    source = open_pool("starter")
    found = [source.get(name) for name in names or NAMES]
    assert all(isinstance(item, Environment) for item in found)
    return found  # type: ignore[return-value]


def problems_of(folder: Path, *names: str) -> Path:
    """A file with the problems of starter environments."""
    file = folder / "problems.json"
    file.write_text(published_text(write_published(starter(*names))))
    return file


def honest(*names: str, fault: Fault = lambda *_: None) -> RecordedModel:
    return RecordedModel(known_by_title(starter(*names)), fault)


def content(folder: Path) -> dict[str, bytes]:
    """All files below *folder*, by name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


def asked_for(pool: Path, server: RecordedEndpoint, *more: object) -> list[object]:
    options = ["--endpoint", server.url, "--model", "recorded", *QUICK, *more]
    return ["synth", pool.parent / "problems.json", "-o", pool, *options]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run that came to its end: two of four problems give an environment."""
    folder = tmp_path_factory.mktemp("finished")
    problems_of(folder)
    fault = only(
        {
            ("Count target", "extract"): "```json\n{}\n```",
            ("Longest run", "generate"): code("def generate_testcase(scale):\n    return 1\n"),
        }
    )
    with pytest.MonkeyPatch.context() as patch, RecordedEndpoint(honest(fault=fault)) as server:
        patch.setenv("SCALER_ENDPOINT_KEY", KEY)
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in asked_for(folder / "pool", server)])
        assert ended.value.code == 0
    yield folder
    shutil.rmtree(folder)


def only(faults: dict[tuple[str, str], Reply | str]) -> Fault:
    """The faults of some titles and stages."""
    return lambda title, stage: faults.get((title, stage))


def code(source: str) -> str:
    return f"```python\n{source}```\n"


# ------------------------------------------------------------------ what comes out


def test_the_pool_holds_the_environments_that_passed(finished: Path):
    pool = open_pool(finished / "pool")
    assert list(pool.ids()) == ["largest-value", "latest-letter"]
    made = pool.get("largest-value")
    (origin,) = starter("largest-value")
    assert isinstance(made, Environment)
    assert made.problem == origin.problem
    assert made.generator.strip() == origin.generator.strip()
    assert made.answer_type == "number"
    assert made.parameters["n"].maximum <= origin.parameters["n"].maximum


def test_provenance_tells_the_whole_way(finished: Path):
    made = open_pool(finished / "pool").get("largest-value")
    assert isinstance(made, Environment)
    provenance = json.loads(json.dumps(made.provenance))
    assert provenance["source"] == "problems.json Largest value"
    for maker in ("extractor", "generator"):
        assert provenance[maker]["use"] == "llm"
        assert provenance[maker]["model"] == "recorded"
        assert provenance[maker]["prompt_version"]
        assert len(provenance[maker]["replies"]) == 1
    assert provenance["generator"]["attempt"] == 0
    assert provenance["filter"]["tests"] == 2
    assert {"breadth", "depth", "minimum", "maximum"} <= set(provenance["checks"])
    assert provenance["calibration"]
    assert len(provenance["solutions"]["kept"]) == provenance["solutions"]["listed"]


def test_every_refusal_is_explained(finished: Path):
    lines = (finished / "pool.synth" / "rejected.jsonl").read_text().splitlines()
    refused = {item["problem"]: item for item in map(json.loads, lines)}
    assert refused["count-target"]["stage"] == "extract"
    assert "scale_params" in refused["count-target"]["detail"]
    assert (refused["longest-run"]["stage"], refused["longest-run"]["check"]) == (
        "check",
        "generator",
    )


def test_the_yields_are_written_as_json_and_as_a_picture(finished: Path):
    yields = json.loads((finished / "pool.synth" / "yields.json").read_text())
    assert (yields["problems"], yields["accepted"], yields["rejected"]) == (4, 2, 2)
    stages = {item["stage"]: item for item in yields["stages"]}
    assert [stages[name]["passed"] for name in stages] == [4, 3, 3, 2, 2]
    assert stages["generate"]["attempts"] == 5  # the third generator of one problem failed too
    assert stages["generate"]["reply_tokens"] > 0
    picture = (finished / "pool.synth" / "yields.svg").read_text()
    assert picture.startswith("<svg")
    assert "2 environments" in picture


def test_the_key_is_in_no_file(finished: Path):
    assert not [name for name, text in content(finished).items() if KEY.encode() in text]


def test_a_second_run_asks_nothing_and_changes_nothing(finished: Path, scaler: Scaler):
    before = content(finished)
    with RecordedEndpoint(lambda _: "never asked") as server:
        code, out, err = scaler(*asked_for(finished / "pool", server, "--json"))
        assert server.requests == []
    assert code == 0, err
    report = json.loads(out)
    assert report["environments"] == 2
    assert report["spent"]["requests"] == 0
    assert content(finished) == before


def test_the_same_problems_give_the_same_pool_byte_for_byte(
    finished: Path, tmp_path: Path, scaler: Scaler
):
    names = ("largest-value", "latest-letter")
    problems_of(tmp_path, *reversed(names))  # in another order, one after the other
    with RecordedEndpoint(honest(*names)) as server:
        options = ("--concurrency", 1, "--workers", 1)
        code, _, err = scaler(*asked_for(tmp_path / "pool", server, *options))
    assert code == 0, err
    assert content(tmp_path / "pool") == content(finished / "pool")


def test_the_tables_name_stages_and_checks(finished: Path, scaler: Scaler):
    with RecordedEndpoint(lambda _: "never asked") as server:
        _, out, _ = scaler(*asked_for(finished / "pool", server))
    for text in ("filter", "calibrate", "refused at", "reply", "2 environments in"):
        assert text in out


def test_rejected_problems_can_be_tried_again_with_fresh_replies(
    finished: Path, tmp_path: Path, scaler: Scaler
):
    shutil.copytree(finished, tmp_path / "copy")
    pool = tmp_path / "copy" / "pool"
    options = ("--redo-changed", "--json")  # the problems lie elsewhere now
    with RecordedEndpoint(honest()) as server:
        code, out, err = scaler(*asked_for(pool, server, "--retry-rejected", "generator", *options))
        assert code == 0, err
        assert [told(request) for request in server.requests] == [("Longest run", "generate")]
        assert json.loads(out)["environments"] == 3
        code, out, _ = scaler(*asked_for(pool, server, "--retry-rejected", *options))
    assert json.loads(out)["environments"] == 4
    code, out, _ = scaler(*asked_for(pool, server, "--retry-rejected", "check", *options))
    assert (code, json.loads(out)["reopened"]) == (0, 0)  # a stage that refuses nothing now
    code, _, err = scaler(*asked_for(pool, server, "--retry-rejected", "nonsense", *options))
    assert code == 2
    assert "unknown stage or check 'nonsense'" in err


def test_a_pool_that_no_environment_is_left_for_is_not_passed_off_as_new(
    finished: Path, tmp_path: Path, scaler: Scaler
):
    shutil.copytree(finished, tmp_path / "copy")
    pool = tmp_path / "copy" / "pool"
    before = content(pool)
    with RecordedEndpoint(honest()) as server:
        stricter = ("--redo-changed", "--set", "filter.solutions_needed=99")
        code, out, err = scaler(*asked_for(pool, server, *stricter, "--json"))
    assert code == 1
    assert json.loads(out)["environments"] == 0
    assert f"no environment is accepted now, so {pool} is left as it was" in err
    assert content(pool) == before


def test_a_retry_that_was_cut_short_is_not_asked_for_again(
    finished: Path, tmp_path: Path, scaler: Scaler
):
    shutil.copytree(finished, tmp_path / "copy")
    pool = tmp_path / "copy" / "pool"
    with RecordedEndpoint(honest()) as server:
        again = ("--redo-changed", "--retry-rejected", "check", "--budget-tokens", 0)
        code, _, err = scaler(*asked_for(pool, server, *again, "--json"))
        assert code == 1
        assert "go on with the same command without --retry-rejected" in err
        code, out, _ = scaler(*asked_for(pool, server, "--redo-changed", "--json"))
    assert json.loads(out)["environments"] == 3


# ------------------------------------------------------------------ a model at fault


# title and stage -> what is said, and the stage and the check that must name it
FAULTS: dict[tuple[str, str], tuple[Reply | str, str, str]] = {
    ("Largest value", "extract"): ("I would rather not.", "extract", "reply"),
    ("Count target", "extract"): (
        '```json\n{"scale_params": {"n": {"min": 1, "max": 9}}, "output_type": "number", '
        '"is_output_unique": false}\n```',
        "extract",
        "not_unique",
    ),
    ("Longest run", "extract"): (
        '```json\n{"scale_params": {"n": {"min": 1, "max": 9}}, "output_type": "graph", '
        '"is_output_unique": true}\n```',
        "extract",
        "output_type",
    ),
    ("Latest letter", "generate"): (cut_off("```python\nimport random"), "generate", "reply"),
    ("Distinct values", "generate"): (
        code(
            "def generate_testcase(scale):\n"
            "    n = scale['n']\n"
            "    return f'{n}\\n' + ' '.join(['7'] * n) + '\\n', {'values': [7] * n}\n"
        ),
        "check",
        "variety",
    ),
    ("Richest row", "generate"): (hostile_code("never ends"), "check", "generator"),
    # what it deletes is not there: it goes on, and heeds no scale
    ("Covered days", "generate"): (hostile_code("deletes"), "check", "bounds"),
}


def test_every_fault_of_the_model_is_named_and_nothing_bad_gets_through(
    tmp_path: Path, scaler: Scaler
):
    names = (*NAMES, "distinct-values", "richest-row", "covered-days", "count-neighbours")
    problems_of(tmp_path, *names)
    model = honest(*names, fault=lambda title, stage: FAULTS.get((title, stage), (None,))[0])
    # and a server that is not at its best either
    plan = [server_error(), wrong_json(), server_error(503)]
    with RecordedEndpoint(model, plan) as server:
        options = ("--generators", 1, "--set", "check.generator_cpu_s=0.5", "--json")
        code, out, err = scaler(*asked_for(tmp_path / "pool", server, *options))
        assert server.asked_twice() == []
    assert code == 0, err
    report = json.loads(out)
    found = {(item["stage"], item["check"]) for item in report["yields"]["refusals"]}
    assert found == {(stage, check) for _, stage, check in FAULTS.values()}
    assert report["yields"]["rejected"] == len(FAULTS)
    assert list(open_pool(tmp_path / "pool").ids()) == ["count-neighbours"]


def test_hostile_code_costs_its_own_problem_only(tmp_path: Path, scaler: Scaler):
    attacked = ("largest-value", "count-target", "longest-run", "distinct-values", "richest-row")
    titles = [item.problem.name for item in starter(*attacked)]
    attacks = sorted(set(HOSTILE_SOURCES) - {"deletes", "never ends"})
    faults = zip(titles, map(hostile_code, attacks), strict=True)
    model = honest(
        *attacked,
        "latest-letter",
        fault=only({(title, "generate"): reply for title, reply in faults}),
    )
    problems_of(tmp_path, *attacked, "latest-letter")
    with RecordedEndpoint(model) as server:
        options = ("--generators", 1, "--set", "check.generator_cpu_s=0.5", "--json")
        code, out, err = scaler(*asked_for(tmp_path / "pool", server, *options))
    assert code == 0, err
    assert json.loads(out)["yields"]["rejected"] == len(attacks)
    assert list(open_pool(tmp_path / "pool").ids()) == ["latest-letter"]


# ------------------------------------------------------------------ money, and its end


def test_a_spent_budget_ends_the_run_and_a_larger_one_goes_on(tmp_path: Path, scaler: Scaler):
    problems_of(tmp_path)
    with RecordedEndpoint(honest()) as server:
        prices = ("--price-prompt", 2, "--price-reply", 10, "--stage", "generate")
        small = ("--budget-tokens", 13_000, "--concurrency", 1, *prices)
        code, out, err = scaler(*asked_for(tmp_path / "pool", server, *small, "--json"))
        assert code == 1
        assert "the budget of this run is spent" in err
        assert "go on with the same command" in err
        report = json.loads(out)
        assert report["stop_reason"] == "budget"
        assert 0 < report["spent"]["requests"] < 8
        assert report["spent"]["cost"] > 0
        code, out, err = scaler(*asked_for(tmp_path / "pool", server, *prices, "--json"))
        assert code == 0, err
        assert server.asked_twice() == []
        assert len(server.answered) == 8
        assert json.loads(out)["yields"]["waiting"] == 4


def test_a_server_that_is_away_leaves_everything_to_be_done(tmp_path: Path, scaler: Scaler):
    problems_of(tmp_path)
    with RecordedEndpoint(honest()) as server:
        pass
    code, out, err = scaler(*asked_for(tmp_path / "pool", server, "--json"))
    assert code == 1
    assert "4 problems were left undone" in err
    assert json.loads(out)["yields"]["rejected"] == 0
    with RecordedEndpoint(honest()) as server:
        code, _, err = scaler(*asked_for(tmp_path / "pool", server, "--stage", "generate"))
        assert code == 0, err


def test_a_wrong_key_ends_the_run_with_one_line(tmp_path: Path, scaler: Scaler):
    problems_of(tmp_path)
    with RecordedEndpoint(honest(), key="another") as server:
        code, _, err = scaler(*asked_for(tmp_path / "pool", server))
    assert code == 2
    assert "SCALER_ENDPOINT_KEY" in err
    assert KEY not in err


# ------------------------------------------------------------------ wrong use


def refusal(scaler: Scaler, *args: object) -> str:
    """The line for a use that is refused with exit code 2, before anything is made."""
    code, out, err = scaler("synth", *args)
    assert (code, out) == (2, "")
    return err.strip().splitlines()[-1]


def test_the_filters_alone_need_no_endpoint(tmp_path: Path, scaler: Scaler):
    file = problems_of(tmp_path)
    options = ("--stage", "filter", "--json", "--limit", 3)
    code, out, err = scaler("synth", file, "-o", tmp_path / "p", *options)
    assert code == 0, err
    assert json.loads(out)["yields"]["stages"][0]["passed"] == 3
    assert not (tmp_path / "p").exists()


def test_wrong_use_is_one_line_that_says_what_is_allowed(tmp_path: Path, scaler: Scaler):
    file = problems_of(tmp_path)
    pool = ("-o", tmp_path / "p")
    assert "--endpoint URL --model NAME" in refusal(scaler, file, *pool)
    assert "endpoint.model" in refusal(scaler, file, *pool, "--endpoint", "http://localhost/v1")
    assert "did you mean 'check.breadth'" in refusal(
        scaler, file, *pool, "--stage", "filter", "--set", "check.breath=3"
    )
    assert "section.key=value" in refusal(scaler, file, *pool, "--stage", "filter", "--set", "x")
    assert "unknown extractor 'human'" in refusal(
        scaler, file, *pool, "--stage", "filter", "--set", "extractor.use=human"
    )
    assert "money is limited" in refusal(
        scaler, file, *pool, "--stage", "filter", "--budget-money", 1
    )
    assert not (tmp_path / "p.synth").exists()


def test_the_published_rules_are_one_option(tmp_path: Path, scaler: Scaler):
    file = problems_of(tmp_path)
    options = ("--as-published", "--set", "check.breadth=7", "--allow-weak-sandbox")
    with RecordedEndpoint(lambda _: refused(401)) as server:
        endpoint = ("--endpoint", server.url, "--model", "recorded")
        code, _, _ = scaler("synth", file, "-o", tmp_path / "p", *options, *endpoint)
    assert code == 2
    stages = json.loads((tmp_path / "p.synth" / "settings.json").read_text())["stages"]
    published = CheckSettings.as_published().model_dump(mode="json")
    assert stages["check"] == {**published, "breadth": 7, "seed": 0}
    assert stages["calibrate"]["as_published"] is True
    assert stages["calibrate"]["checks"] == {**published, "breadth": 7}
    assert stages["calibrate"]["counted_in"] == "characters"


def test_a_pool_of_another_origin_is_never_replaced(tmp_path: Path, scaler: Scaler):
    file = problems_of(tmp_path)
    scaler("pool", "import", file, "-o", tmp_path / "p")
    line = refusal(scaler, file, "-o", tmp_path / "p", "--stage", "filter")
    assert "did not come out of a synthesis" in line


def test_no_resume_refuses_what_was_begun(tmp_path: Path, scaler: Scaler):
    file = problems_of(tmp_path)
    scaler("synth", file, "-o", tmp_path / "p", "--stage", "filter")
    line = refusal(scaler, file, "-o", tmp_path / "p", "--stage", "filter", "--no-resume")
    assert "was begun already" in line


# ------------------------------------------------------------------ the published problems


def published(shared_dir: Path) -> list[Environment]:
    return read_published(shared_dir / "data" / "SCALER-8.json")


@pytest.mark.thorough
@pytest.mark.shared
@pytest.mark.thorough
def test_the_published_problems_become_environments_again(
    shared_dir: Path, tmp_path: Path, scaler: Scaler
):
    shutil.copy(shared_dir / "data" / "SCALER-8.json", tmp_path / "problems.json")
    environments = published(shared_dir)
    with RecordedEndpoint(RecordedModel(known_by_title(environments))) as server:
        # one of the published generators makes inputs on which good solutions differ
        options = ("--set", "check.suspicious=1.0", "--set", "filter.solutions_kept=4", "--json")
        code, out, err = scaler(*asked_for(tmp_path / "pool", server, *options))
    assert code == 0, err
    assert json.loads(out)["environments"] == 8
    made = open_pool(tmp_path / "pool")
    assert set(made.ids()) == {item.id for item in environments}


@pytest.mark.thorough
@pytest.mark.shared
def test_with_faults_in_half_of_the_replies_nothing_gets_through_that_the_audit_refuses(
    shared_dir: Path, tmp_path: Path, scaler: Scaler
):
    shutil.copy(shared_dir / "data" / "SCALER-8.json", tmp_path / "problems.json")
    known = known_by_title(published(shared_dir))
    first, second, third, fourth, *others = known
    for_ever = {
        first: "no block at all",
        second: cut_off("```json\n{"),
        third: known[third].metadata_reply.replace("true", "false"),
        fourth: known[fourth].metadata_reply.replace('"number"', '"graph"'),
    }
    once = {
        others[0]: hostile_code("never ends"),
        others[1]: known[others[0]].generator_reply,  # of another problem
        others[2]: code("def generate_testcase(scale):\n    return 1\n"),
    }

    def fault(title: str, stage: str) -> Reply | str | None:
        return for_ever.get(title) if stage == "extract" else once.pop(title, None)

    with RecordedEndpoint(RecordedModel(known, fault)) as server:
        options = ("--set", "filter.solutions_kept=4", "--set", "check.generator_cpu_s=0.5")
        exit_code, out, err = scaler(*asked_for(tmp_path / "pool", server, *options, "--json"))
    assert exit_code == 0, err
    refusals = json.loads(out)["yields"]["refusals"]
    found = {(item["stage"], item["check"]): item for item in refusals}
    assert found["extract", "reply"]["problems"] == 2
    assert found["extract", "not_unique"]["problems"] == 1
    assert found["extract", "output_type"]["problems"] == 1
    # each of these problems had another generator written, which passed
    assert found["check", "generator"]["attempts"] == 3
    assert json.loads(out)["environments"] == len(others)
    audit = ("--instances", 5, "--levels", "min,max", "--allow-weak-sandbox", "--json")
    exit_code, out, err = scaler("pool", "audit", tmp_path / "pool", *audit)
    assert exit_code == 0, err


def test_a_missing_file_is_named_before_a_missing_endpoint(scaler: Scaler, tmp_path: Path) -> None:
    code, _, err = scaler("synth", tmp_path / "nothing.jsonl", "-o", tmp_path / "pool")
    assert code == 2
    assert "there are no problems at" in err
    assert not (tmp_path / "pool").exists()
