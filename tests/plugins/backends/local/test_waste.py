"""Rows without a gradient are left out of a step, and a pass has no more tokens than fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun, Judge, right_or_wrong

torch = pytest.importorskip("torch")
pytest.importorskip("trl")


def half_informative(ticket: Ticket, response: Response) -> Verdict:
    """Groups of one verdict, and groups of several, by turns."""
    if ticket.id.endswith(("0", "2")):
        return Verdict.correct()
    return right_or_wrong(ticket, response)


def all_correct(ticket: Ticket, response: Response) -> Verdict:
    return Verdict.correct()


def trainer_of(model: Path, folder: Path, judge: Judge = half_informative, **options: Any) -> Any:
    """The backend's trainer over 4 tickets of 4 responses, before its first step."""
    from scaler_plugins.backends.local.training import build_trainer

    config = Local.Config(
        model=str(model), device="cpu", threads=1, max_response_tokens=4, **options
    )
    run = FakeRun(folder, prompts=4, responses=4)
    return build_trainer(str(model), config, FakeFeed(prompts=4, judge=judge), run)


class Passes:
    """Rows and tokens with padding of each training pass of a trainer."""

    def __init__(self, trainer: Any) -> None:
        self.shapes: list[tuple[int, int]] = []
        plain = trainer.compute_loss

        def compute_loss(model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            rows, width = inputs["prompt_ids"].shape
            self.shapes.append((rows, width + inputs["completion_ids"].shape[1]))
            return plain(model, inputs, *args, **options)

        trainer.compute_loss = compute_loss

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.shapes)


def one_step(trainer: Any) -> list[Any]:
    """The gradients of a step, slice after slice as HF's loop asks for them."""
    slices = trainer.args.gradient_accumulation_steps
    trainer.current_gradient_accumulation_steps = slices
    trainer.model.zero_grad()
    for _ in range(slices):
        trainer.training_step(trainer.model, {})
    return [item.grad for item in trainer.model.parameters()]


def whole_gradient(trainer: Any) -> list[Any]:
    """The gradients of the step with all of its rows in one pass."""
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    trainer.args.steps_per_generation = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, trainer.generation_batch()).backward()
    return [item.grad for item in trainer.model.parameters()]


@pytest.mark.parametrize("loss", ["token-mean", "sequence-mean"])
@pytest.mark.parametrize("micro_batch", [16, 2])
def test_rows_without_an_advantage_are_left_out_and_gradients_stay(
    micro_model: Path, tmp_path: Path, loss: str, micro_batch: int
) -> None:
    trainer = trainer_of(micro_model, tmp_path / "a", loss=loss, micro_batch=micro_batch)
    passes = Passes(trainer)
    found = one_step(trainer)
    informative = sum(
        len({verdict.result for verdict in group.verdicts}) > 1 for group in trainer.feed.groups
    )
    assert 0 < informative < 4, "a weak test"
    assert passes.rows == 4 * informative
    expected = whole_gradient(trainer_of(micro_model, tmp_path / "b", loss=loss))
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    assert any(gradient.abs().max() > 1e-3 for gradient in expected)


def test_with_a_kl_term_every_response_is_trained_on(micro_model: Path, tmp_path: Path) -> None:
    trainer = trainer_of(micro_model, tmp_path, beta=0.1)
    passes = Passes(trainer)
    one_step(trainer)
    assert passes.rows == 16


def test_a_step_without_information_has_no_pass_and_no_gradient(
    micro_model: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(micro_model, tmp_path, all_correct)
    passes = Passes(trainer)
    assert set(one_step(trainer)) == {None}
    assert passes.shapes == []


def test_a_step_without_information_moves_no_weight_after_one_that_had_some(
    micro_model: Path, tmp_path: Path
) -> None:
    """The optimiser's momentum would go on moving them."""
    from safetensors.torch import load_file

    def in_the_first_step(ticket: Ticket, response: Response) -> Verdict:
        return right_or_wrong(ticket, response) if ticket.step == 1 else Verdict.correct()

    class Saving(FakeRun):
        def checkpoint_due(self, step: int) -> bool:
            return True

    run = Saving(tmp_path / "run", steps=3)
    options = {"learning_rate": 0.01, "warmup_steps": 0, "weight_decay": 0.1}
    config = Local.Config(
        model=str(micro_model), device="cpu", threads=1, max_response_tokens=4, **options
    )
    Local(config).train(FakeFeed(judge=in_the_first_step), run)
    steps = [load_file(run.directory / f"step-{n}" / "model.safetensors") for n in (1, 2, 3)]
    before = load_file(micro_model / "model.safetensors")
    assert any(not torch.equal(before[name], steps[0][name]) for name in before), "a weak test"
    for later in steps[1:]:
        assert all(torch.equal(steps[0][name], later[name]) for name in before)
    assert "entropy" not in run.metrics[1]
    assert run.metrics[1]["grad_norm"] == 0


def test_a_pass_has_no_more_tokens_than_fit_and_gradients_stay(
    micro_model: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(micro_model, tmp_path / "a", right_or_wrong)
    trainer.pass_tokens = 40
    passes = Passes(trainer)
    found = one_step(trainer)
    assert len(passes.shapes) > 3
    assert all(rows == 1 or rows * width <= 40 for rows, width in passes.shapes)
    expected = whole_gradient(trainer_of(micro_model, tmp_path / "b", right_or_wrong))
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


def test_more_vocabulary_layers_or_width_leave_fewer_tokens_to_a_pass() -> None:
    from transformers import GPT2Config, LlamaConfig

    from scaler_plugins.backends.local.memory import GIB, Sizes

    small = Sizes.of(LlamaConfig(hidden_size=576, num_hidden_layers=30, vocab_size=49152))
    for changes in ({"vocab_size": 100}, {"num_hidden_layers": 3}, {"hidden_size": 64}):
        settings = {"hidden_size": 576, "num_hidden_layers": 30, "vocab_size": 49152} | changes
        other = Sizes.of(LlamaConfig(**settings))
        assert other.pass_tokens(GIB, False) > small.pass_tokens(GIB, False)
    assert small.pass_tokens(GIB, True) > small.pass_tokens(GIB, False)
    assert small.pass_tokens(1, False) == 1
    assert Sizes.of(GPT2Config()).layers == 12, "in the words of another family"


def test_the_kl_term_is_in_the_figures_of_a_step(micro_model: Path, tmp_path: Path) -> None:
    config = Local.Config(
        model=str(micro_model),
        device="cpu",
        threads=1,
        max_response_tokens=4,
        beta=0.1,
        learning_rate=0.01,
        warmup_steps=0,
    )
    run = FakeRun(tmp_path / "run", steps=2)
    Local(config).train(FakeFeed(), run)
    assert run.metrics[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert run.metrics[1]["kl"] > 0
