"""The shipped model, its tokenizer, and the script that makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from scaler_plugins.backends.common import TINY_FOLDER

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def tokenizer() -> Any:
    """The tokenizer that ships."""
    return transformers.AutoTokenizer.from_pretrained(TINY_FOLDER)


SHIPPED = tokenizer()


@given(st.text())
def test_any_text_survives_the_tokenizer(text: str) -> None:
    assert SHIPPED.decode(SHIPPED.encode(text)) == text


def test_digits_and_letters_stand_alone_and_take_the_space_before_them() -> None:
    assert SHIPPED.tokenize("values=12 34") == ["v", "a", "l", "u", "e", "s", "=", *"12", "Ġ3", "4"]
    assert SHIPPED.tokenize("ab cd") == ["a", "b", "Ġc", "d"]


def test_every_fixed_word_of_a_quickstart_prompt_is_one_token() -> None:
    # of the others it has no words: it is the quickstart's model
    from tools.tiny_model.__main__ import quickstart_environments
    from tools.tiny_model.examples import starter_makers

    for maker in starter_makers(quickstart_environments()).values():
        for word in maker.words():
            assert len(SHIPPED.encode(word)) == 1, word
    assert len(SHIPPED.encode("\\boxed{")) == 1


def test_the_script_makes_the_tokenizer_that_ships() -> None:
    from tools.tiny_model.__main__ import tokenizer_words
    from tools.tiny_model.tokenizer import build_tokenizer

    assert build_tokenizer(tokenizer_words()).get_vocab() == SHIPPED.get_vocab()


def test_the_chat_template_opens_the_answer_and_closes_earlier_ones() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "r"},
    ]
    text = SHIPPED.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == ("<|system|>s<|end|><|user|>q<|end|><|assistant|>a<|end|><|user|>r<|assistant|>")


def test_the_shipped_folder_is_whole_and_below_four_megabytes() -> None:
    names = {path.name for path in TINY_FOLDER.iterdir()}
    assert names >= {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    }
    assert sum(path.stat().st_size for path in TINY_FOLDER.iterdir()) < 4_000_000


def test_the_shipped_model_solves_small_instances_and_leaves_room_to_learn() -> None:
    from tools.tiny_model.__main__ import quickstart_environments
    from tools.tiny_model.examples import starter_makers
    from tools.tiny_model.warmstart import accuracy

    model = transformers.AutoModelForCausalLM.from_pretrained(TINY_FOLDER, dtype=torch.float32)
    makers = starter_makers(quickstart_environments())
    assert len(makers) == 8
    shares = [
        accuracy(model, SHIPPED, maker, level, count=40)
        for maker in makers.values()
        for level in (0, 1, 2)
    ]
    boxed = sum(share[0] for share in shares) / len(shares)
    assert 0.4 < boxed < 0.7


def test_examples_are_prompts_of_the_compact_style_with_their_answers() -> None:
    from tools.tiny_model.examples import starter_makers

    maker = starter_makers(["largest-value"])["largest-value"]
    example = maker.make(level=3, seed=7)
    assert maker.make(level=3, seed=7) == example
    name, values = example.prompt.split(" values=")
    assert name == "largest-value"
    assert int(example.answer) == max(map(int, values.split()))


def small_run(steps: int) -> tuple[Any, list[float]]:
    """A few small steps of the warm start: the model and the losses."""
    from tools.tiny_model.examples import starter_makers
    from tools.tiny_model.warmstart import Settings, new_model, warm_start

    torch.set_num_threads(1)
    losses: list[float] = []
    model = new_model(SHIPPED, seed=1)
    makers = list(starter_makers(["count-target", "longest-run"]).values())
    settings = Settings(steps=steps, batch=16, warmup=2, seed=1)
    warm_start(model, SHIPPED, makers, settings, lambda step, loss: losses.append(loss))
    return model, losses


@pytest.mark.thorough
def test_the_warm_start_makes_the_same_weights_twice() -> None:
    first, second = small_run(3)[0].state_dict(), small_run(3)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.thorough
def test_the_warm_start_learns_answers() -> None:
    losses = small_run(12)[1]
    assert losses[-1] < 0.5 * losses[0]


def test_answers_alone_have_labels() -> None:
    from tools.tiny_model.warmstart import IGNORED, encode, pad_right

    boxed = encode(SHIPPED, "longest-run word=ab", "1", boxed=True)
    plain = encode(SHIPPED, "longest-run word=a", "1", boxed=False)
    assert SHIPPED.decode(boxed[1]) == "\\boxed{1}<|end|>"
    assert SHIPPED.decode(plain[1]) == "1<|end|>"
    ids, labels = pad_right([boxed, plain], SHIPPED.pad_token_id)
    assert ids.shape == labels.shape
    assert labels[labels != IGNORED].tolist() == boxed[1] + plain[1]


@pytest.mark.thorough
def test_the_command_writes_a_model_that_the_backend_accepts(tmp_path: Path) -> None:
    from scaler_plugins.backends.local import Local
    from tools.tiny_model.__main__ import main

    folder = tmp_path / "model"
    result = CliRunner().invoke(main, ["--steps", "1", "--output", str(folder)])
    assert result.exit_code == 0, result.output
    assert "step 1 of 1" in result.output
    Local(Local.Config(model=str(folder))).check()
    assert transformers.AutoModelForCausalLM.from_pretrained(folder).dtype == torch.bfloat16
