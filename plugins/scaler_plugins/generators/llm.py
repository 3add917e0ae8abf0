"""The generator ``llm``: a language model writes the program that makes inputs (section 2.2)."""

from __future__ import annotations

from pathlib import Path

from scaler_core.interfaces import ChatClient, Generator, Metadata
from scaler_core.models import Problem
from scaler_plugins.conversation.asking import AskingOptions, ask
from scaler_plugins.conversation.templates import Prompt
from scaler_plugins.generators.reading import source_of

PROMPTS = Path(__file__).parent / "prompts"


class LlmGenerator(Generator):
    """Asks a model for ``generate_testcase(scale)``, as one Python block.

    What comes back is parsed and never run.
    """

    class Config(AskingOptions):
        """Options of ``llm``."""

    name = "llm"
    config: Config

    async def write(self, problem: Problem, metadata: Metadata, client: ChatClient) -> str:
        """Python source whose form :mod:`~scaler_plugins.generators.reading` has checked.

        Raises:
            ValueError: No reply was usable.
        """
        prompt = Prompt("llm-generator", PROMPTS)
        parameters = "\n".join(
            f"- `{name}`: from {minimum} to {maximum}"
            for name, (minimum, maximum) in metadata.parameters.items()
        )
        question = prompt.question(problem, parameters=parameters)
        return await ask(client, question, source_of, prompt.repair, self.config)

    def prompt_version(self) -> str:
        """A hash of the templates."""
        return Prompt("llm-generator", PROMPTS).version
