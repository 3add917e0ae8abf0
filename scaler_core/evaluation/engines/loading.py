"""Loading a model and its tokenizer whole, and rendering prompts: one way for all that use them.

Whatever the libraries make of a damaged or foreign folder becomes the user's one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer

from scaler_core.errors import UsageError, machine_fault


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, in a folder or on the hub.

    Attributes:
        location: The folder, or the id on the hub.
        label: The user's name of it.
        where: The beginning of messages, such as ``backend.model: ``.
        revision: The commit on the hub; ``None`` for the newest, and for a folder.
        hint: What to do where it cannot be loaded.
    """

    location: str
    label: str
    where: str = ""
    revision: str | None = None
    hint: str = "give a whole model of a kind that transformers knows, or 'tiny'"

    def tokenizer(self) -> Any:
        """The tokenizer.

        Raises:
            UsageError: It cannot be loaded.
        """
        return self._load(AutoTokenizer)

    def weights(self, **options: Any) -> Any:
        """The model, with all of its weights.

        Args:
            **options: Of ``from_pretrained``, such as ``dtype``.

        Raises:
            UsageError: It cannot be loaded, or weights are missing.
        """
        model, found = self._load(AutoModelForCausalLM, output_loading_info=True, **options)
        if missing := sorted(found["missing_keys"]):
            # the library would fill them with random numbers, and only log it
            raise UsageError(
                f"{self.where}{self.label} is not whole: {len(missing)} weights are missing, such "
                f"as {missing[0]}",
                hint="copy or download its folder again",
            )
        return model

    def _load(self, kind: Any, **options: Any) -> Any:
        try:
            return kind.from_pretrained(
                self.location, revision=self.revision, trust_remote_code=False, **options
            )
        except Exception as error:  # whatever the library makes of a damaged file
            if fault := machine_fault(error):
                raise fault from error
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UsageError(
                f"{self.where}cannot load {self.label}: {reason}", hint=self.hint
            ) from error
