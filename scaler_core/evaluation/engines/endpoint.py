"""The engine ``endpoint``: any OpenAI-compatible server, many requests at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, as_completed

from scaler_core.endpoint import (
    Completion,
    Endpoint,
    EndpointOptions,
    EndpointThread,
    RequestRefused,
    Sampling,
)
from scaler_core.errors import ScalerError
from scaler_core.evaluation.engines.base import ModelEngine
from scaler_core.models import Question, Response

# a server that has refused this many questions and answered none will refuse the rest too
REFUSALS_TO_STOP = 8


class EndpointEngine(ModelEngine):
    """Answers through a server; a seed is sent with each question, if the server supports seeds.

    A refused question does not stop the others: they are answered before the error is raised.

    Args:
        options: Where the server is and how requests are made.
        key: Its key; empty where it needs none.
        max_tokens: Most tokens of a response.
        leave_refused: Whether a question that the server refuses gets a withheld response instead
            of an error.
    """

    name = "endpoint"

    def __init__(
        self, options: EndpointOptions, *, key: str, max_tokens: int, leave_refused: bool = False
    ) -> None:
        # without a cache: the evaluation has one of its own
        self._thread = EndpointThread(Endpoint(options, key=key))
        self._max_tokens = max_tokens
        self._leave_refused = leave_refused

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Yields answers as they come.

        Raises:
            EndpointRefused: Url, key or model are wrong.
            RequestRefused: The server does not take some of the questions.
            EndpointFailed: It gave no usable answer after all repetitions.
        """
        waiting = {
            self._thread.submit(question.messages, self._sampling(question)): index
            for index, question in enumerate(questions)
        }
        failure: ScalerError | None = None
        refusals: list[RequestRefused] = []
        answered = 0
        try:
            for future in as_completed(waiting):
                try:
                    completion = future.result()
                except CancelledError:
                    continue
                except RequestRefused as error:
                    if self._leave_refused:
                        yield waiting[future], Response(text="", withheld=error.message)
                        continue
                    refusals.append(error)
                    if not answered and len(refusals) >= REFUSALS_TO_STOP:
                        _cancel(waiting)
                except ScalerError as error:
                    # answers that have come are paid for: they are yielded before the error
                    failure = failure or error
                    _cancel(waiting)
                else:
                    answered += 1
                    yield waiting[future], _response(completion)
        finally:
            _cancel(waiting)
        if failure is not None:
            raise failure
        if refusals:
            raise _refused(refusals, len(questions))

    def close(self) -> None:
        """Cancel what is under way and close the connections."""
        self._thread.close()

    def _sampling(self, question: Question) -> Sampling:
        return Sampling(
            temperature=question.temperature,
            top_p=question.top_p,
            max_tokens=self._max_tokens,
            seed=question.seed,
        )


def _cancel(futures: Iterable[Future[Completion]]) -> None:
    for future in futures:
        future.cancel()


def _refused(refusals: Sequence[RequestRefused], questions: int) -> RequestRefused:
    return RequestRefused(
        f"{len(refusals)} of {questions} questions were refused, the first so: "
        f"{refusals[0].message}",
        hint="the others that were answered are kept; where question and answer together are too "
        "long for the model, lower --max-tokens; the server may not know an option; with "
        "--leave-refused such questions stay undecided",
    )


def _response(completion: Completion) -> Response:
    """The response with its reasoning in ``<think>`` tags, also where the server separates it."""
    text = completion.text
    if completion.thought and "</think>" not in text:
        unfinished = completion.cut_off and not text
        text = f"<think>{completion.thought}{'' if unfinished else '</think>'}{text}"
    tokens = None if completion.estimated else completion.completion_tokens
    return Response(text=text, truncated=completion.cut_off, tokens=tokens)
