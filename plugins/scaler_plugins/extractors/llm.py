"""The extractor ``llm``: a language model reads the problem and says what scales (section 2.1)."""

from __future__ import annotations

from pathlib import Path

from scaler_core.interfaces import ChatClient, Extractor, Metadata
from scaler_core.models import Problem
from scaler_plugins.conversation.asking import AskingOptions, ask
from scaler_plugins.conversation.templates import Prompt
from scaler_plugins.extractors.reading import metadata_of

PROMPTS = Path(__file__).parent / "prompts"


class LlmExtractor(Extractor):
    """Asks a model for the scale parameters and the form of the answer, as one JSON block."""

    class Config(AskingOptions):
        """Options of ``llm``."""

    name = "llm"
    config: Config

    async def extract(self, problem: Problem, client: ChatClient) -> Metadata:
        """Metadata of *problem*, in :mod:`~scaler_plugins.extractors.reading`'s bounds.

        Raises:
            ValueError: No reply was usable, or the model says that nothing scales.
        """
        prompt = Prompt("llm-extractor", PROMPTS)
        question = prompt.question(problem)
        return await ask(client, question, metadata_of, prompt.repair, self.config)

    def prompt_version(self) -> str:
        """A hash of the templates."""
        return Prompt("llm-extractor", PROMPTS).version
