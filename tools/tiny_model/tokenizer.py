"""The tiny model's tokenizer: whole words of the starter environments over single bytes.

Any text can be encoded, because every byte is a token. Digits and letters stand alone, so that a
small model sees what it has to count or compare; a space before one of them joins it, which halves
the length of a list of digits.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, END, SYSTEM, USER, ASSISTANT)
BOX = "\\boxed{"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if not loop.last or message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def build_tokenizer(words: Sequence[str]) -> Any:
    """A fast Hugging Face tokenizer with a chat template.

    Args:
        words: Texts that become one token wherever they occur, such as ``count-target``.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    space = "Ġ"  # how byte-level tokenizers write the byte of a space
    joined = [(space, letter) for letter in string.digits + string.ascii_letters]
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet()) + [left + right for left, right in joined]
    vocabulary = {piece: index for index, piece in enumerate([*SPECIAL, *pieces])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=joined))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
