"""Tiny random models of many families: what is sampled is what is trained, or it is refused.

Each family is built once and goes the backend's own way, from its folder to the tensors of a step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from scaler_core.errors import UsageError  # noqa: E402
from scaler_plugins.backends.local import Local  # noqa: E402
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun, by_hash  # noqa: E402
from tests.plugins.backends.local.families import FAMILIES, WORDS, build_family  # noqa: E402

REFUSED = {"openai-gpt", "bert", "mamba"}
EXACT = 1e-5


def tokenizer_like(kind: str = "usual") -> Any:
    """The tiny model's kind of tokenizer, or one that lacks something."""
    from tools.tiny_model.tokenizer import build_tokenizer

    tokenizer = build_tokenizer(WORDS)
    if kind == "pad-is-end":
        tokenizer.pad_token = tokenizer.eos_token
    elif kind == "no-pad":
        tokenizer.pad_token = None
    elif kind == "no-end":
        tokenizer.eos_token = None
    elif kind == "no-template":
        tokenizer.chat_template = None
    return tokenizer


def trainer_of(folder: Path, run_folder: Path, **options: Any) -> Any:
    """The backend's trainer of the model in *folder*, before its first step."""
    from scaler_plugins.backends.local.training import build_trainer

    torch.set_num_threads(1)
    config = Local.Config(
        model=str(folder), device="cpu", threads=1, max_response_tokens=5, **options
    )
    run = FakeRun(run_folder, prompts=3, responses=4)
    trainer = build_trainer(str(folder), config, FakeFeed(prompts=3, judge=by_hash), run)
    trainer.model.train()
    return trainer


def plain_model(folder: Path) -> Any:
    """The model as transformers alone loads it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def reference(model: Any, prompt: list[int], response: list[int]) -> Any:
    """Log-probabilities of the tokens of a response, computed alone and without padding."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    shares = torch.log_softmax(logits.float(), -1)
    return shares.gather(1, torch.tensor(response).unsqueeze(1)).squeeze(1)


class Generated:
    """What ``generate`` was given and gave, with the log-probabilities that it sampled from."""

    def __init__(self, model: Any) -> None:
        self.rows: list[tuple[list[int], list[int], Any]] = []
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._plain = base.generate
        base.generate = self._generate

    def _generate(self, **options: Any) -> Any:
        given = self._plain(**options, return_dict_in_generate=True, output_logits=True)
        width = options["input_ids"].shape[1]
        shares = torch.log_softmax(torch.stack(given.logits, 1).float(), -1)
        for row, mask in enumerate(options["attention_mask"].bool()):
            prompt = options["input_ids"][row][mask].tolist()
            tokens = given.sequences[row, width:]
            chosen = shares[row].gather(1, tokens.unsqueeze(1)).squeeze(1)
            self.rows.append((prompt, tokens.tolist(), chosen))
        return given.sequences


def rows_of(batch: dict[str, Any]) -> list[tuple[list[int], list[int]]]:
    """Prompt and response of each row, as the masks say."""
    return [
        (
            batch["prompt_ids"][row][batch["prompt_mask"][row].bool()].tolist(),
            batch["completion_ids"][row][batch["completion_mask"][row].bool()].tolist(),
        )
        for row in range(len(batch["advantages"]))
    ]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's model, which is built when it is first asked for."""
    folders: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in folders:
            folder = tmp_path_factory.mktemp(name)
            folders[name] = build_family(name, folder, tokenizer_like())
        return folders[name]

    return build


def assert_exact(trainer: Any, plain: Any) -> None:
    """One step of *trainer*: probabilities, masks and advantages are what they should be."""
    generated = Generated(trainer.model)
    batch = trainer.generation_batch()
    assert len({len(prompt) for prompt, _, _ in generated.rows}) > 1, "nothing is padded"
    sampled = []
    for prompt, tokens, chosen in generated.rows:
        length = next((i + 1 for i, t in enumerate(tokens) if t in trainer.eos_token_ids), 5)
        expected = reference(plain, prompt, tokens[:length])
        torch.testing.assert_close(chosen[:length], expected, atol=EXACT, rtol=0)
        sampled.append((prompt, tokens[:length]))
    assert_masks(trainer, batch, sampled)
    assert_advantages(trainer, batch)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    width = batch["completion_ids"].shape[1]
    with torch.no_grad():
        trained = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, width)[0]
    for row, (prompt, response) in enumerate(rows_of(batch)):
        if response:
            expected = reference(plain, prompt, response)
            torch.testing.assert_close(trained[row, : len(response)], expected, atol=EXACT, rtol=0)


def assert_masks(
    trainer: Any, batch: dict[str, Any], sampled: list[tuple[list[int], list[int]]]
) -> None:
    """The masks hold each prompt and each decided response, token by token, and nothing else."""
    decided = [
        verdict.result != "undecided" for group in trainer.feed.groups for verdict in group.verdicts
    ]
    found = rows_of(batch)
    responses = [
        batch["completion_ids"][row][: trainer._now.responses[row].tokens].tolist()
        for row in range(len(found))
    ]
    whole = sorted(zip([prompt for prompt, _ in found], responses, strict=True))
    assert whole == sorted(sampled)
    assert [response for _, response in found] == [
        response if known else [] for response, known in zip(responses, decided, strict=True)
    ]
    assert batch["num_items_in_batch"] == sum(len(response) for _, response in found)


def assert_advantages(trainer: Any, batch: dict[str, Any]) -> None:
    """Each decided reward less its group's mean, over its group's deviation."""
    worth = {"correct": 1.0, "incorrect": -1.0}
    expected = []
    for group in trainer.feed.groups:
        rewards = [worth[v.result] for v in group.verdicts if v.result in worth]
        mean = sum(rewards) / max(1, len(rewards))
        spread = sum((reward - mean) ** 2 for reward in rewards) / max(1, len(rewards) - 1)
        expected += [
            (worth[v.result] - mean) / (spread**0.5 + 1e-4) if v.result in worth else 0.0
            for v in group.verdicts
        ]
    torch.testing.assert_close(batch["advantages"], torch.tensor(expected))


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in REFUSED])
def test_sampling_training_and_an_unpadded_reference_agree(
    family: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    folder = family(name)
    assert_exact(trainer_of(folder, tmp_path), plain_model(folder))


@pytest.mark.parametrize("options", [{"lora": {"rank": 2}}, {"gradient_checkpointing": True}])
@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
def test_adapters_and_checkpointing_of_gradients_change_no_probability(
    family: Callable[[str], Path], tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    folder = family(name)
    assert_exact(trainer_of(folder, tmp_path, **options), plain_model(folder))


@pytest.mark.parametrize("options", [{}, {"lora": {"rank": 2}}])
@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
def test_the_starting_model_of_a_kl_term_reads_padded_rows_as_they_are(
    family: Callable[[str], Path], tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    folder = family(name)
    plain, trainer = plain_model(folder), trainer_of(folder, tmp_path, beta=0.1, **options)
    batch = trainer.generation_batch()
    for row, (prompt, response) in enumerate(rows_of(batch)):
        found = batch["ref_per_token_logps"][row, : len(response)]
        torch.testing.assert_close(found, reference(plain, prompt, response), atol=EXACT, rtol=0)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_family_that_padding_or_caches_change_is_refused_by_name(
    family: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="cannot be trained: ") as caught:
        trainer_of(family(name), tmp_path)
    assert "\n" not in str(caught.value)
    assert repr(plain_model(family(name)).config.model_type) in str(caught.value)


@pytest.mark.parametrize("kind", ["pad-is-end", "no-pad"])
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_padding_may_be_the_end_token_or_missing(tmp_path: Path, kind: str, name: str) -> None:
    folder = build_family(name, tmp_path / "model", tokenizer_like(kind))
    assert_exact(trainer_of(folder, tmp_path / "run"), plain_model(folder))


@pytest.mark.parametrize(
    ("kind", "message"), [("no-end", "has no end token"), ("no-template", "has no chat template")]
)
def test_a_tokenizer_that_lacks_what_training_needs_is_refused_in_one_line(
    tmp_path: Path, kind: str, message: str
) -> None:
    folder = build_family("llama", tmp_path / "model", tokenizer_like(kind))
    with pytest.raises(UsageError, match=message) as caught:
        trainer_of(folder, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_vocabulary_that_the_tokenizer_does_not_fill_is_sampled_and_trained_as_it_is(
    tmp_path: Path,
) -> None:
    folder = build_family("llama", tmp_path / "model", tokenizer_like(), vocabulary=1009)
    assert_exact(trainer_of(folder, tmp_path / "run"), plain_model(folder))


def test_a_tokenizer_with_tokens_that_the_model_lacks_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    folder = build_family("llama", tmp_path / "model", tokenizer_like(), vocabulary=100)
    with pytest.raises(
        UsageError, match=r"the tokenizer .* knows \d+ tokens, but .* 100"
    ) as caught:
        trainer_of(folder, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_template_that_writes_tokens_which_the_model_lacks_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    tokenizer = tokenizer_like()
    size = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<added>"]})
    tokenizer.chat_template = "<added>" + tokenizer.chat_template
    folder = build_family("llama", tmp_path / "model", tokenizer, vocabulary=size)
    with pytest.raises(UsageError, match=rf"knows {size + 1} tokens, but .* {size}") as caught:
        trainer_of(folder, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_padding_token_that_the_model_lacks_costs_nothing(tmp_path: Path) -> None:
    tokenizer = tokenizer_like()
    size = len(tokenizer)
    tokenizer.add_special_tokens({"pad_token": "<added>"})
    folder = build_family("llama", tmp_path / "model", tokenizer, vocabulary=size)
    assert_exact(trainer_of(folder, tmp_path / "run"), plain_model(folder))
