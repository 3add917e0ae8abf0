"""Training a micro model on a fake feed: order of calls, checkpoints, stops, what is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import BackendProtocolError, UsageError
from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun, by_hash, question, right_or_wrong
from tests.plugins.backends.local.families import WORDS, build_family
from tools.tiny_model.tokenizer import build_tokenizer

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

STAGES = {"seconds_draw", "seconds_rollout", "seconds_verify", "seconds_train"}


def local(model: Path, **options: Any) -> Local:
    """The backend over *model*, with options that suit a test."""
    defaults: dict[str, Any] = {
        "model": str(model),
        "device": "cpu",
        "threads": 1,
        "learning_rate": 0.01,
        "warmup_steps": 0,
        "max_prompt_tokens": 64,
        "max_response_tokens": 4,
    }
    return Local(Local.Config(**defaults | options))


def trainer_of(model: Path, folder: Path, **options: Any) -> Any:
    """The backend's trainer over *model*, before its first step."""
    from scaler_plugins.backends.local.training import build_trainer

    backend = local(model, **options)
    return build_trainer(str(model), backend.config, FakeFeed(), FakeRun(folder))


def weights(folder: Path) -> dict[str, Any]:
    """The tensors of a saved model."""
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether two models are equal, bit for bit."""
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize("micro_batch", [8, 4, 3])
def test_draw_and_record_strictly_alternate_whatever_the_gradient_accumulation(
    micro_model: Path, tmp_path: Path, micro_batch: int
) -> None:
    feed, run = FakeFeed(), FakeRun(tmp_path / "run", steps=3)
    local(micro_model, micro_batch=micro_batch).train(feed, run)
    assert feed.calls == [f"{call} {step}" for step in (1, 2, 3) for call in ("draw", "record")]
    assert run.finished == [1, 2, 3]


def test_slicing_a_step_changes_its_gradient_by_rounding_only(
    micro_model: Path, tmp_path: Path
) -> None:
    norms = []
    for micro_batch in (8, 2):
        run = FakeRun(tmp_path / str(micro_batch), steps=1)
        local(micro_model, micro_batch=micro_batch).train(FakeFeed(), run)
        norms.append(run.metrics[0]["grad_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)


def test_every_group_holds_a_verdict_for_each_response(micro_model: Path, tmp_path: Path) -> None:
    feed, run = FakeFeed(prompts=3, judge=by_hash), FakeRun(tmp_path / "run", prompts=3)
    local(micro_model).train(feed, run)
    assert [group.ticket_id for group in feed.groups] == [item.id for item in feed.tickets]
    assert all(len(group.verdicts) == run.responses for group in feed.groups)


def test_each_step_reports_its_figures_and_a_few_samples(micro_model: Path, tmp_path: Path) -> None:
    feed, run = FakeFeed(), FakeRun(tmp_path / "run")
    local(micro_model).train(feed, run)
    assert len(run.metrics) == 2
    for metrics in run.metrics:
        assert metrics.keys() >= STAGES | {"loss", "grad_norm", "learning_rate", "entropy"}
        assert 1 <= metrics["response_tokens"] <= 4
        assert 0 <= metrics["truncated_share"] <= 1
        assert all(metrics[stage] >= 0 for stage in STAGES)
    for ticket, response, verdict in run.samples:
        assert verdict == right_or_wrong(ticket, response)


def test_a_rewarded_habit_becomes_likelier(micro_model: Path, tmp_path: Path) -> None:
    def wants_short(ticket: Ticket, response: Response) -> Verdict:
        return Verdict.correct() if (response.tokens or 0) < 4 else Verdict.incorrect("long")

    feed = FakeFeed(prompts=4, judge=wants_short)
    run = FakeRun(tmp_path / "run", steps=25, prompts=4, responses=8)
    local(micro_model).train(feed, run)
    lengths = [metrics["response_tokens"] for metrics in run.metrics]
    assert sum(lengths[-5:]) < 0.7 * sum(lengths[:5])


def test_a_step_without_information_counts_as_a_step_and_moves_no_weight(
    micro_model: Path, tmp_path: Path
) -> None:
    feed = FakeFeed(judge=lambda ticket, response: Verdict.correct())
    run = FakeRun(tmp_path / "run")
    local(micro_model).train(feed, run)
    assert run.finished == [1, 2]
    assert same(weights(tmp_path / "run" / "model"), weights(micro_model))


def test_a_step_without_any_decided_response_moves_no_weight(
    micro_model: Path, tmp_path: Path
) -> None:
    feed = FakeFeed(judge=lambda ticket, response: Verdict.undecided("lost"))
    run = FakeRun(tmp_path / "run")
    local(micro_model).train(feed, run)
    assert run.finished == [1, 2]
    assert same(weights(tmp_path / "run" / "model"), weights(micro_model))


@pytest.mark.parametrize("lora", [None, {"rank": 2, "alpha": 4}])
def test_a_resumed_run_ends_with_the_very_weights_of_an_uninterrupted_one(
    micro_model: Path, tmp_path: Path, lora: dict[str, int] | None
) -> None:
    backend = local(micro_model, micro_batch=4, warmup_steps=3, lora=lora)
    whole_feed, whole = FakeFeed(judge=by_hash), FakeRun(tmp_path / "whole", steps=4)
    backend.train(whole_feed, whole)
    feed, stopped = FakeFeed(judge=by_hash), FakeRun(tmp_path / "stopped", steps=4, stop_in=2)
    backend.train(feed, stopped)
    resumed = FakeRun(
        tmp_path / "resumed",
        steps=4,
        first_step=3,
        resume_from=tmp_path / "stopped" / "step-2",
    )
    backend.train(feed, resumed)
    assert feed.tickets == whole_feed.tickets
    assert feed.groups == whole_feed.groups
    assert stopped.metrics[1]["loss"] == whole.metrics[1]["loss"]
    assert resumed.metrics[1]["loss"] == whole.metrics[3]["loss"]
    assert same(weights(tmp_path / "resumed" / "model"), weights(tmp_path / "whole" / "model"))
    assert resumed.evaluations == {"after": whole.evaluations["after"]}


def test_a_resumed_run_begins_when_all_is_loaded_so_that_no_step_waits_for_it(
    micro_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaler_plugins.backends.local.trainer import FeedTrainer

    stopped = FakeRun(tmp_path / "stopped", steps=3, stop_in=1)
    local(micro_model).train(FakeFeed(), stopped)
    calls = []
    load, begin = FeedTrainer._load_optimizer_and_scheduler, FakeRun.begin

    def logged_load(trainer: Any, checkpoint: str | None) -> None:
        load(trainer, checkpoint)
        calls.append("loaded")

    def logged_begin(run: FakeRun, ask: Any = None) -> None:
        calls.append("begin")
        begin(run, ask)

    monkeypatch.setattr(FeedTrainer, "_load_optimizer_and_scheduler", logged_load)
    monkeypatch.setattr(FakeRun, "begin", logged_begin)
    resumed = FakeRun(
        tmp_path / "resumed", steps=3, first_step=2, resume_from=tmp_path / "stopped" / "step-1"
    )
    local(micro_model).train(FakeFeed(step=1), resumed)
    assert calls == ["loaded", "begin"]


def test_a_requested_stop_ends_the_step_saves_and_leaves_the_rest_undone(
    micro_model: Path, tmp_path: Path
) -> None:
    feed, run = FakeFeed(), FakeRun(tmp_path / "run", steps=5, stop_in=2)
    local(micro_model).train(feed, run)
    assert run.finished == [1, 2]
    assert (tmp_path / "run" / "step-2" / "optimizer.pt").is_file()
    assert run.evaluations.keys() == {"before"}
    assert not (tmp_path / "run" / "model").exists()


def test_a_run_killed_after_its_last_checkpoint_only_measures_and_saves(
    micro_model: Path, tmp_path: Path
) -> None:
    run = FakeRun(tmp_path / "run", steps=2)
    local(micro_model).train(FakeFeed(), run)
    feed = FakeFeed(step=2)
    again = FakeRun(
        tmp_path / "again", steps=2, first_step=3, resume_from=tmp_path / "run" / "step-2"
    )
    local(micro_model).train(feed, again)
    assert feed.calls == []
    assert again.evaluations == {"after": run.evaluations["after"]}
    assert same(weights(tmp_path / "again" / "model"), weights(tmp_path / "run" / "model"))


def test_a_feed_of_another_checkpoint_is_refused(micro_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendProtocolError, match="feed is at step 4, but the model at 1"):
        local(micro_model).train(FakeFeed(step=3), FakeRun(tmp_path / "run"))


def test_the_finished_model_is_a_hugging_face_folder(micro_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local(micro_model, lora={"rank": 2}).train(FakeFeed(), FakeRun(tmp_path / "run"))
    folder = tmp_path / "run" / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("count-target target=3", return_tensors="pt").input_ids
    assert model(ids).logits.shape == (1, ids.shape[1], len(tokenizer))
    assert not same(weights(folder), weights(micro_model))


def test_adapters_leave_their_base_model_alone(micro_model: Path, tmp_path: Path) -> None:
    local(micro_model, lora={"rank": 2}).train(FakeFeed(), FakeRun(tmp_path / "run"))
    assert (tmp_path / "run" / "step-2" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "run" / "step-2" / "model.safetensors").exists()


def test_the_feed_learns_how_long_prompts_may_be_before_the_first_draw(
    micro_model: Path, tmp_path: Path
) -> None:
    feed = FakeFeed()
    local(micro_model, max_prompt_tokens=50).train(feed, FakeRun(tmp_path / "run"))
    # role, id, key, digit, key, three digits, role
    assert feed.lengths == [9]
    assert feed.limit == 50


def test_prompts_must_leave_room_for_a_response_in_the_models_context(
    micro_model: Path, tmp_path: Path
) -> None:
    feed = FakeFeed()
    local(micro_model, max_prompt_tokens=4096).train(feed, FakeRun(tmp_path / "run", steps=1))
    assert feed.limit == 256 - 4


def test_measuring_is_repeatable_and_leaves_training_as_it_is(
    micro_model: Path, tmp_path: Path
) -> None:
    still = FakeRun(tmp_path / "still", steps=1)
    local(micro_model, learning_rate=1e-30).train(FakeFeed(), still)
    assert still.evaluations["before"] == still.evaluations["after"]

    class Unmeasured(FakeRun):
        def evaluate(self, label: str, respond: Any) -> None:
            pass

    measured, unmeasured = FakeRun(tmp_path / "a"), Unmeasured(tmp_path / "b")
    for run in (measured, unmeasured):
        local(micro_model).train(FakeFeed(), run)
    assert same(weights(tmp_path / "a" / "model"), weights(tmp_path / "b" / "model"))


def test_another_seed_samples_other_responses(micro_model: Path, tmp_path: Path) -> None:
    runs = [FakeRun(tmp_path / str(seed), steps=1, seed=seed) for seed in (0, 1)]
    for run in runs:
        local(micro_model).train(FakeFeed(), run)
    assert runs[0].evaluations["before"] != runs[1].evaluations["before"]


def test_training_prints_nothing(
    micro_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = FakeRun(tmp_path / "run")
    local(micro_model).train(FakeFeed(judge=by_hash), run)
    assert capfd.readouterr() == ("", "")


def test_a_model_without_a_chat_template_is_refused_unless_the_recipe_gives_one(
    micro_model: Path, tmp_path: Path
) -> None:
    from scaler_core.config import PromptSection

    bare = tmp_path / "bare"
    shutil.copytree(micro_model, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="has no chat template"):
        local(bare).train(FakeFeed(), FakeRun(tmp_path / "refused"))
    prompt = PromptSection(chat_template="{{ messages[0]['content'] }}")
    feed = FakeFeed()
    local(bare).train(feed, FakeRun(tmp_path / "run", steps=1, prompt=prompt))
    assert feed.lengths == [7]


def test_a_model_that_cannot_be_loaded_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"backend\.model: cannot load") as caught:
        local(tmp_path).train(FakeFeed(), FakeRun(tmp_path / "run"))
    assert "\n" not in str(caught.value)


def copied(model: Path, folder: Path) -> Path:
    """A copy of the model that a test may damage."""
    shutil.copytree(model, folder)
    return folder


@pytest.mark.parametrize("bytes_kept", [0, 4, 100, 20_000])
def test_a_truncated_file_of_weights_is_told_in_one_line(
    micro_model: Path, tmp_path: Path, bytes_kept: int
) -> None:
    folder = copied(micro_model, tmp_path / "cut")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:bytes_kept])
    with pytest.raises(UsageError, match=r"backend\.model: cannot load .*cut") as caught:
        local(folder).train(FakeFeed(), FakeRun(tmp_path / "run"))
    assert "\n" not in str(caught.value)


def test_a_model_that_lacks_weights_is_not_trained_on_random_ones(
    micro_model: Path, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    folder = copied(micro_model, tmp_path / "half")
    kept = {name: value for name, value in weights(folder).items() if "layers.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    feed = FakeFeed()
    with pytest.raises(UsageError, match=r"half is not whole: \d+ weights are missing, such as"):
        local(folder).train(feed, FakeRun(tmp_path / "run"))
    assert feed.calls == []


# families that drop by a function: from themselves, from their config, and by whole layers
DROPPING: dict[str, dict[str, Any]] = {
    "opt": {"dropout": 0.5, "attention_dropout": 0.5, "layerdrop": 0.5},
    "falcon": {"attention_dropout": 0.5, "hidden_dropout": 0.5},
    "gpt-neo": {"attention_dropout": 0.5, "resid_dropout": 0.5, "embed_dropout": 0.5},
    "bloom": {"attention_dropout": 0.5, "hidden_dropout": 0.5},
}


def dropping_model(family: str, folder: Path) -> Path:
    """A model of the family that drops half of everything while it is in training mode."""
    path = build_family(family, folder, build_tokenizer(WORDS)) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | DROPPING[family]))
    return folder


@pytest.mark.parametrize("family", sorted(DROPPING))
def test_nothing_is_dropped_and_no_random_number_is_drawn_while_it_answers_or_is_trained(
    tmp_path: Path, family: str
) -> None:
    trainer = trainer_of(dropping_model(family, tmp_path / family), tmp_path / "run")
    trainer.model.train()
    before = torch.get_rng_state()
    asked = [dict(trainer.ask([question(index) for index in range(3)])) for _ in range(2)]
    assert asked[0] == asked[1]
    assert torch.equal(before, torch.get_rng_state())
    assert trainer.model.training, "the mode is what it was"
    batch = trainer.generation_batch()
    width = batch["completion_ids"].shape[1]
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    once, again = (
        trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, width)[0]
        for _ in range(2)
    )
    assert torch.equal(once, again)


def test_a_model_samples_in_the_mode_that_it_is_measured_in(
    micro_model: Path, tmp_path: Path
) -> None:
    trainer, modes = trainer_of(micro_model, tmp_path / "run"), []
    trainer.model.register_forward_pre_hook(lambda model, _: modes.append(model.training))
    trainer.model.train()
    trainer.generation_batch()
    list(trainer.ask([question(0)]))
    assert set(modes) == {False}
    assert trainer.model.training


def test_the_finished_model_keeps_its_own_dropout(tmp_path: Path) -> None:
    folder = dropping_model("opt", tmp_path / "opt")
    local(folder).train(FakeFeed(), FakeRun(tmp_path / "run", steps=1))
    saved = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert {name: saved[name] for name in DROPPING["opt"]} == DROPPING["opt"]


# each changes what is sampled, or how long responses are; named in a model's generation_config.json
SETTINGS: dict[str, Any] = {
    "min_p": 0.9,
    "typical_p": 0.01,
    "top_k": 1,
    "min_new_tokens": 4,
    "no_repeat_ngram_size": 1,
    "repetition_penalty": 9.0,
    "epsilon_cutoff": 0.5,
    "eta_cutoff": 0.9,
    "suppress_tokens": list(range(100)),
    "begin_suppress_tokens": list(range(5, 200)),
    "bad_words_ids": [[token] for token in range(5, 90)],
    "forced_eos_token_id": 1,
    "exponential_decay_length_penalty": [0, 9.0],
    "cache_implementation": "static",
    "num_beams": 3,
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_sampling_settings_of_the_model_change_neither_rollouts_nor_evaluation(
    micro_model: Path, tmp_path: Path, name: str
) -> None:
    folder = copied(micro_model, tmp_path / "opinionated")
    path = folder / "generation_config.json"
    own = json.loads(path.read_text()) | {"do_sample": True, name: SETTINGS[name]}
    path.write_text(json.dumps(own))
    runs = []
    for model in (micro_model, folder):
        trainer = trainer_of(model, tmp_path / "run")
        trainer.model.train()
        batch = trainer.generation_batch()
        asked = dict(trainer.ask([question(index) for index in range(3)]))
        runs.append((batch["completion_ids"].tolist(), asked))
    assert runs[0] == runs[1]


def test_the_finished_model_keeps_its_own_sampling_settings(
    micro_model: Path, tmp_path: Path
) -> None:
    folder = copied(micro_model, tmp_path / "opinionated")
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_sample": True, "min_p": 0.9}))
    local(folder).train(FakeFeed(), FakeRun(tmp_path / "run", steps=1))
    assert json.loads((tmp_path / "run/model/generation_config.json").read_text())["min_p"] == 0.9
