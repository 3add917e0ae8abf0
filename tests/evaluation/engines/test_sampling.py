"""Sampling with a seed for each row: the right law, and nothing that depends on companions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.local

from scaler_core.evaluation.engines.sampling import (  # noqa: E402
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    choose,
    is_cut_off,
)

END, PAD = 1, 0


@pytest.fixture(scope="module")
def model() -> Any:
    """A Llama of 2 layers with random weights; end tokens are likely enough."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=12,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config).eval()


def limits(**changes: Any) -> SamplingLimits:
    facts: dict[str, Any] = {"max_tokens": 12, "context": 64, "end_tokens": [END], "pad_token": PAD}
    return SamplingLimits(**{**facts, **changes})


def request(
    seed: int, length: int = 3, temperature: float = 1.0, top_p: float = 1.0
) -> SamplingRequest:
    return SamplingRequest(
        [2 + (seed + place) % 9 for place in range(length)], temperature, top_p, seed
    )


def sample(
    model: Any, requests: Sequence[SamplingRequest], batch: int = 8, **changes: Any
) -> dict[int, list[int]]:
    found = list(RowSampler(limits(**changes), batch, None).sample(model, requests))
    assert sorted(index for index, _ in found) == list(range(len(requests)))
    return dict(found)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.6, 1.0), (1.0, 0.7)])
def test_tokens_come_by_their_probability(temperature: float, top_p: float) -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0, -1.0, 0.5]])
    shares = torch.softmax(scores[0] / temperature, 0)
    order = shares.argsort(descending=True)
    kept = shares.clone()
    kept[order[(shares[order].cumsum(0) - shares[order]) >= top_p]] = 0
    kept /= kept.sum()
    count = 20_000
    numbers = (torch.arange(count) + 0.5) / count
    chosen = choose(scores.expand(count, -1), numbers, temperature, top_p)
    found = torch.bincount(chosen, minlength=5) / count
    assert torch.allclose(found, kept, atol=1e-3)


def test_without_a_temperature_the_likeliest_token_is_taken() -> None:
    scores = torch.tensor([[0.0, 3.0, 2.0]])
    assert choose(scores, torch.tensor([0.999]), 0.0, 1.0).tolist() == [1]


@pytest.mark.parametrize("top_p", [1.0, 0.9, 1e-9])
def test_the_ends_of_the_range_choose_tokens_that_have_a_share(top_p: float) -> None:
    scores = torch.tensor([[-torch.inf, 1.0, 2.0, -torch.inf]] * 2)
    chosen = choose(scores, torch.tensor([0.0, 1 - 2**-24]), 1.0, top_p)
    assert set(chosen.tolist()) <= {1, 2}


def test_a_response_does_not_depend_on_what_is_asked_beside_it(model: Any) -> None:
    requests = [request(seed, length=2 + seed % 5, top_p=0.95) for seed in range(20)]
    together = sample(model, requests, batch=64)
    assert together == sample(model, requests, batch=3)
    alone = [sample(model, [item])[0] for item in requests]
    assert alone == [together[index] for index in range(20)]


def test_seeds_decide(model: Any) -> None:
    same = [request(1)._replace(seed=seed) for seed in (5, 5, 6, 7, 8)]
    found = sample(model, same)
    assert found[0] == found[1]
    assert len({tuple(found[index]) for index in (0, 2, 3, 4)}) > 1


def test_requests_of_different_sampling_may_be_mixed(model: Any) -> None:
    mixed = [request(1, temperature=t, top_p=p) for t in (0.0, 0.6, 1.0) for p in (0.5, 1.0)]
    assert sample(model, mixed) == {
        index: sample(model, [item])[0] for index, item in enumerate(mixed)
    }


def test_a_response_ends_with_its_end_token_or_is_cut_off(model: Any) -> None:
    found = sample(model, [request(seed) for seed in range(40)])
    ended = [row for row in found.values() if row[-1] == END]
    cut = [row for row in found.values() if row[-1] != END]
    assert ended
    assert cut
    assert all(END not in row[:-1] for row in found.values())
    assert all(len(row) == 12 and is_cut_off(row, 12, [END]) for row in cut)
    assert not any(is_cut_off(row, 12, [END]) for row in ended)


def test_the_context_limits_long_prompts_and_nobody_else(model: Any) -> None:
    requests = [request(1, 3), request(2, 60), request(3, 64), request(4, 70)]
    found = sample(model, requests, end_tokens=[11])
    assert len(found[1]) <= 4
    assert found[2] == found[3] == []
    assert is_cut_off([], 0, [END])
    assert found[0] == sample(model, requests[:1], end_tokens=[11])[0]


def test_torchs_own_randomness_is_left_alone(model: Any) -> None:
    before = torch.random.get_rng_state()
    sample(model, [request(seed) for seed in range(4)])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_memory_that_is_too_small_halves_the_batch_and_changes_no_response(model: Any) -> None:
    class Small:
        """A model whose memory holds three rows."""

        device = model.device

        def __init__(self) -> None:
            self.sizes: list[int] = []

        def generate(self, input_ids: Any, **options: Any) -> Any:
            self.sizes.append(len(input_ids))
            if len(input_ids) > 3:
                raise torch.OutOfMemoryError("too much")
            return model.generate(input_ids=input_ids, **options)

    requests = [request(seed) for seed in range(8)]
    small = Small()
    assert sample(small, requests) == sample(model, requests)
    assert small.sizes == [8, 4, 2, 2, 2, 2]


def test_one_row_that_does_not_fit_is_told_in_one_line() -> None:
    from scaler_core.errors import InfrastructureError

    class NoMemory:
        device = torch.device("cpu")

        def generate(self, **options: Any) -> Any:
            raise torch.OutOfMemoryError("too much")

    with pytest.raises(InfrastructureError, match="too small for one response of 12 tokens"):
        sample(NoMemory(), [request(1), request(2)])


@pytest.mark.parametrize("pad", [PAD, END])
def test_an_end_token_is_in_a_response_only_where_it_was_sampled(model: Any, pad: int) -> None:
    from tools.tiny_model.tokenizer import build_tokenizer

    tokenizer = build_tokenizer([])
    stop = tokenizer.decode([5])
    requests = [request(seed) for seed in range(40)]
    limited = limits(stop=(stop,), pad_token=pad)
    found = dict(RowSampler(limited, 40, tokenizer).sample(model, requests))
    for index, row in found.items():
        # alone, a row is not filled up with anything
        alone = dict(RowSampler(limited, 1, tokenizer).sample(model, [requests[index]]))
        assert row == alone[0]
        assert row[-1] in (END, 5) or len(row) == 12
    assert {row[-1] for row in found.values()} >= {END, 5}
