"""A feed without a backend, for loops of other trainers: in a directory, and safe from kills.

::

    feed = open_feed("my-recipe.toml", directory="feeds/mine")
    ticket = feed.draw()                         a prompt, and all that is needed to judge it
    verdict = feed.verify(ticket, text)          as often as there are responses
    feed.record(ticket.id, verdicts)             or abandon(ticket.id, "too slow")
    feed.checkpoint("step-500")                  beside the trainer's own
    ...
    open_feed(directory="feeds/mine", at="step-500")

Every call is in ``journal.jsonl`` before it has an effect, so a kill at any moment loses no call
that was answered. Opening the directory again reads the newest checkpoint and makes the calls of
the journal that followed it once more; with *at* it goes back to a named one, and what followed is
set aside.

::

    recipe.toml, environment.json, pool.json      as in a run's directory
    journal.jsonl                                 every call
    events.jsonl, metrics.jsonl                   every decision; a line a step
    checkpoints/NAME.json, auto-STEP.json         states between two calls
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import JsonValue

from scaler_core.config import DEFAULT_RECIPE, Recipe, without_none
from scaler_core.curriculum.ledger import OpenTicket
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    InfrastructureError,
    PoolExhausted,
    UsageError,
    one_line,
    unknown_name,
)
from scaler_core.interfaces import CountTokens
from scaler_core.jsonio import compact_json, write_atomic
from scaler_core.jsonlines import JsonLines
from scaler_core.judge import Judge
from scaler_core.models import Batch, Event, Response, Ticket, Verdict
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool.source import pool_hash
from scaler_core.run.directory import RunDirectory
from scaler_core.run.events import EVENTS, event_line
from scaler_core.run.provenance import describe_host, pool_contents, report_changes
from scaler_core.run.recipes import load_recipe
from scaler_core.run.setup import FeedParts, assemble_feed, check_requirements

JOURNAL = "journal.jsonl"
FORMAT = 1
AUTOMATIC = "auto-"
KEEP_AUTOMATIC = 2
REQUESTS_KEPT = 4096
"""The newest requests, which may be repeated."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# what the tickets of a feed follow from: another value would make other calls of the same journal
_FIXED: dict[str, tuple[str, ...]] = {
    "run": ("seed",),
    "pool": (),
    "batch": (),
    "feed": (),
    "prompt": (),
    "verifier": (),
    "controller": (),
    "curator": (),
    "factory": ("references", "agree", "attempts", "quarantine_after"),
    "evaluation": ("held_out",),
}

PromptLimit = tuple[CountTokens, int]
Judged = Verdict | float | None
"""A verdict, or a score from 0 to 1 (a bool is 1 or 0), or ``None`` where nobody could judge."""


def open_feed(
    recipe: str | Path | Recipe | None = None,
    *,
    directory: str | Path,
    at: str | None = None,
    overrides: Sequence[str] = (),
    prompt_limit: PromptLimit | None = None,
    host: PluginHost | None = None,
) -> OpenFeed:
    """A feed in *directory*: a new one, or the one that is there, as its last call left it.

    Args:
        recipe: A shipped recipe's name, the path of a TOML file, or a recipe, of which
            ``[backend]`` is not read. ``None`` goes on with the recipe of the directory; a new
            directory gets ``quickstart`` then.
        directory: Where everything is kept; made where it is missing.
        at: The checkpoint to go back to. What followed it is set aside.
        overrides: Settings like ``batch.prompts=16``, applied over the recipe's file.
        prompt_limit: Counts a prompt's tokens, and the most that fit; longer ones cap their level.
            Give the same whenever the directory is opened.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: Something in the recipe does not exist or cannot run here, it is another than
            that of the directory, there is no checkpoint *at*, or another process has the feed.
        DataError: A pool, or a file of the directory, is damaged, or the calls since the last
            checkpoint cannot be made again because the pool has changed.
        InfrastructureError: The directory cannot be written, or no instance can be made.
    """
    host, path = host or load_plugins(), Path(directory)
    begun = (path / JOURNAL).exists()
    if at is not None and not begun:
        raise UsageError(f"{path} holds no feed, so it has no checkpoint {at!r}")
    if begun and recipe is None:
        recipe = RunDirectory.open(path).recipe
    name, resolved = _load(recipe, overrides, host)
    check_requirements(resolved.run.requires)
    parts = assemble_feed(resolved, host)
    feed = OpenFeed(name, parts, path, prompt_limit)
    try:
        if begun:
            feed.reopen(at)
        else:
            feed.create()
    except BaseException:
        feed.abort()
        raise
    return feed


@dataclass(frozen=True)
class _Saved:
    """A whole checkpoint on disk.

    Attributes:
        name: Its name.
        path: Its file.
        state: What it holds.
    """

    name: str
    path: Path
    state: dict[str, Any]

    @property
    def journal(self) -> int:
        """Bytes of the journal that it stands for."""
        return int(self.state["journal"])


class OpenFeed:
    """A feed in a directory; made by :func:`open_feed`, and closed by :meth:`close` or ``with``.

    Threads may share it.

    Args:
        name: The recipe's name.
        parts: The parts of the feed.
        path: Its directory.
        prompt_limit: See :func:`open_feed`.
    """

    def __init__(
        self, name: str, parts: FeedParts, path: Path, prompt_limit: PromptLimit | None
    ) -> None:
        self.name = name
        self.parts = parts
        self.files = RunDirectory(path)
        self._lock = threading.RLock()
        self._journal: JsonLines | None = None
        self._broken = ""
        self._request = ""
        self._requests: dict[str, list[str]] = {}
        self._due = False
        self._factory = parts.make_factory()
        self._judge = Judge(parts.host, self._factory)
        self._feed = parts.make_feed(
            self._factory,
            self._judge,
            self._emit,
            max_open=parts.recipe.feed.max_open,
            journal=self._write_call,
        )
        self._feed.step_ended = self._note_step
        if prompt_limit is not None:
            self._feed.measure_prompts(*prompt_limit)

    # -------------------------------------------------------------- what a loop calls

    def draw(self, *, request: str = "") -> Ticket:
        """The next ticket.

        Args:
            request: An id of this call: whoever got no answer may call again with it. So may those
                of all other methods that have it; none is made twice.

        Raises:
            FeedFull: As many tickets are out as ``feed.max_open`` allows.
            PoolExhausted: No environment can give an instance any more.
            InfrastructureError: The machine failed; the next call gives the same ticket.
        """
        (ticket,) = self.draw_many(1, request=request)
        return ticket

    def draw_many(self, count: int, *, request: str = "") -> list[Ticket]:
        """The next *count* tickets.

        Raises:
            BackendProtocolError: *request* was answered, and its tickets came back since.
            FeedFull, PoolExhausted, InfrastructureError: As of :meth:`draw`; tickets that were
                drawn before stay out, and a call with the same *request* has them.
        """
        with self._call(request) as drawn:
            tickets = [self._again(name) for name in drawn or ()]
            while len(tickets) < count:
                tickets.append(self._feed.draw())
            return tickets

    def draw_batch(self) -> Batch:
        """The tickets that are left of the plan: a whole step's, unless some are out already."""
        with self._call():
            return self._feed.draw_batch()

    def outstanding(self, ticket_ids: Sequence[str] | None = None) -> list[Ticket]:
        """The tickets that are out, or those of *ticket_ids*, made again: for a loop that was
        killed and lost them.

        Raises:
            DataError: The pool has changed, so that one of them cannot be made any more.
            InfrastructureError: The machine could not make instances.
        """
        with self._call():
            return self._feed.outstanding(ticket_ids)

    def verify(self, ticket: Ticket, response: Response | str) -> Verdict:
        """The verdict on one response; pure, needs only the ticket, and waits for no other call."""
        return self._feed.verify(ticket, response)

    def record(
        self,
        ticket: Ticket | str,
        verdicts: Sequence[Judged],
        responses: Sequence[Response] = (),
        *,
        request: str = "",
    ) -> None:
        """Resolve a ticket, or its id, by one verdict for each response to it.

        Args:
            ticket: The ticket.
            verdicts: Verdicts, or scores of one's own.
            responses: The responses, where controllers are to know their lengths.
            request: See :meth:`draw`.

        Raises:
            BackendProtocolError: The id is unknown or was recorded before, or there is no verdict.
                Nothing has changed then.
            UsageError: A score is no number from 0 to 1.
        """
        judged = [_verdict(item) for item in verdicts]
        with self._call(request) as made:
            if made is None:
                self._feed.record(_id(ticket), judged, responses)

    def abandon(self, ticket: Ticket | str, reason: str, *, request: str = "") -> None:
        """Resolve a ticket, or its id, without verdicts, because it was given up.

        Raises:
            BackendProtocolError: The id is unknown, or was recorded or abandoned before.
        """
        with self._call(request) as made:
            if made is None:
                self._feed.abandon(_id(ticket), reason)

    def checkpoint(self, name: str, *, request: str = "") -> None:
        """Keep the present state under *name*, in place of an older one of that name.

        Raises:
            UsageError: The name cannot be that of a file.
        """
        if not _NAME.fullmatch(name) or name.startswith(AUTOMATIC):
            raise UsageError(
                f"a checkpoint cannot be called {name!r}",
                hint=f"letters, digits, '.', '_' and '-', not beginning with {AUTOMATIC!r}",
            )
        with self._call(request) as made:
            if made is None:
                self._save(name)
                # behind the file: where a kill comes between, the call is made once more
                self._write_call({"checkpoint": name})

    # -------------------------------------------------------------- what a loop may read

    @property
    def step(self) -> int:
        """Steps that have ended."""
        return self._feed.step

    @property
    def metrics(self) -> dict[str, float]:
        """Figures of the last step that ended in this process."""
        return self._feed.metrics

    @property
    def open_tickets(self) -> dict[str, OpenTicket]:
        """Tickets that are out, by id, oldest first."""
        with self._lock:
            return dict(self._feed.open_tickets)

    def environments(self) -> list[dict[str, JsonValue]]:
        """What is known of each environment that was ever active: a row each, by id.

        A row has ``environment_id``, ``active``, ``difficulty``, ``top_level``, and counts of
        tickets: ``recorded``, ``informative`` of those, ``abandoned``.
        """
        with self._lock:
            return self._feed.engine.describe()

    def checkpoints(self) -> list[str]:
        """Names that :func:`open_feed` can go back to, oldest first."""
        return [item.name for item in self._whole() if not item.name.startswith(AUTOMATIC)]

    # -------------------------------------------------------------- opening and closing

    def create(self) -> None:
        """Begin in a new directory; the journal comes last, for it makes the folder a feed's."""
        self.files.create()
        self._write_facts()
        self._emit(Event(kind="started", step=0, evidence=self._evidence()))
        header = compact_json({"format": FORMAT}) + "\n"
        self._save(f"{AUTOMATIC}0", journal=len(header))
        write_atomic(self.files.path / JOURNAL, header)
        self._journal = JsonLines(self.files.path / JOURNAL)

    def reopen(self, at: str | None) -> None:
        """Go on in a directory, where the last call left it or *at* a checkpoint."""
        self.files.lock()
        self._check_recipe()
        self._journal = JsonLines(self.files.path / JOURNAL)
        chosen = self._choose(at)
        if at is not None:
            self._go_back(chosen)
        self.files.rewind(chosen.state["logs"], superseded=at is not None)
        self._feed.load_state_dict(chosen.state["feed"])
        self._requests = dict(chosen.state["requests"])
        if at is None:
            self._replay(chosen.journal)
        report_changes(self.files, self.parts, self.step, self._emit)
        evidence = {**self._evidence(), **({} if at is None else {"at": at})}
        self._emit(Event(kind="resumed", step=self.step, evidence=evidence))
        self._write_facts()
        self._save_automatic()

    def close(self) -> None:
        """Save the state, stop the workers and release the directory."""
        with self._lock:
            try:
                if not self._broken and self._journal is not None and self._feed.is_whole:
                    self._save_automatic()
            finally:
                self.abort()

    def abort(self) -> None:
        """Stop the workers and release the directory; the journal has every call."""
        with ExitStack() as stack:
            stack.callback(self.files.close)
            if self._journal is not None:
                stack.callback(self._journal.close)
            stack.callback(self._factory.close)
            stack.callback(self._judge.close)
        self._broken = self._broken or "the feed was closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _evidence(self) -> dict[str, JsonValue]:
        return {"recipe": self.name, "seed": self.parts.recipe.run.seed, "feed": True}

    def _write_facts(self) -> None:
        source = self.parts.source
        write_atomic(self.files.recipe, self.parts.recipe.to_toml())
        pool = {"environments": len(source), "hash": pool_hash(source)}
        facts = {**describe_host(self.parts.host), "recipe": self.name, "pool": pool}
        self.files.write_json("environment.json", facts)
        self.files.write_json("pool.json", pool_contents(source))

    def _check_recipe(self) -> None:
        _, stored = load_recipe(str(self.files.recipe), {})
        old, new = (
            without_none(item.model_dump(mode="json")) for item in (stored, self.parts.recipe)
        )
        for section, keys in _FIXED.items():
            for key in keys or sorted(old[section].keys() | new[section].keys()):
                before, after = old[section].get(key), new[section].get(key)
                if before != after:
                    raise UsageError(
                        f"{self.files.path} began with {section}.{key} = {before!r}, and the "
                        f"recipe now says {after!r}",
                        hint="leave the recipe out to go on, or name a new directory",
                    )

    # -------------------------------------------------------------- the journal

    @contextmanager
    def _call(self, request: str = "") -> Iterator[list[str] | None]:
        """One call at a time; one that ends half-way ends the use of this object.

        Yields:
            The tickets that a call with the id *request* has drawn so far, and none for other
            methods; ``None`` where it has not been made.
        """
        with self._lock:
            if self._broken:
                raise UsageError(self._broken, hint="open it again: no answered call is lost")
            self._request = request
            try:
                yield self._requests.get(request)
            except (BackendProtocolError, PoolExhausted, InfrastructureError, UsageError):
                raise  # before anything changed, unless a log failed, which has been noted
            except BaseException as error:
                self._broken = f"the feed was interrupted in a call: {one_line(error)}"
                raise
            finally:
                self._request = ""
            if self._due:
                self._save_automatic()

    def _write_call(self, call: dict[str, JsonValue]) -> None:
        assert self._journal is not None
        # making a plan is part of whichever draw comes first, and is not told apart from it
        if self._request and "plan" not in call:
            call["request"] = self._request
        self._journal.append(compact_json(call), sync=False)
        self._note_request(call)

    def _note_request(self, call: Mapping[str, Any]) -> None:
        """Remember that a request was made, and the tickets that it drew."""
        if request := call.get("request"):
            names = [name for name, *_ in call.get("draw", ())]
            self._requests.setdefault(request, []).extend(names)
            while len(self._requests) > REQUESTS_KEPT:
                self._requests.pop(next(iter(self._requests)))

    def _again(self, ticket_id: str) -> Ticket:
        """A ticket that is out, made again for a caller who did not get it."""
        for ticket in self._feed.outstanding([ticket_id]):
            return ticket
        raise BackendProtocolError(
            f"the request was answered before, and its ticket {ticket_id!r} came back since"
        )

    def _replay(self, start: int) -> None:
        """Make the calls of the journal from byte *start* on once more."""
        assert self._journal is not None
        for span, call in self._journal.records(start):
            self._note_request(call)
            try:
                if "checkpoint" not in call:
                    self._feed.replay(call)
            except DataError as error:
                known = ", ".join(self.checkpoints()) or "there is none"
                raise self._journal.damaged(
                    span, f"{error.message}; go back to a checkpoint with at=NAME: {known}"
                ) from None

    def _emit(self, event: Event) -> None:
        self._append(EVENTS, event_line(event))

    def _note_step(self) -> None:
        figures = {**self._feed.metrics, "open": len(self._feed.open_tickets)}
        self._append("metrics.jsonl", {"step": self.step, **figures})
        self._due = self._due or self.step % self.parts.recipe.checkpoint.every == 0

    def _append(self, log: str, record: Mapping[str, Any]) -> None:
        try:
            self.files.append(log, record)
        except InfrastructureError as error:
            # the call is in the journal, and has half of its effects
            self._broken = f"the feed could not write its log: {error.message}"
            raise

    # -------------------------------------------------------------- checkpoints

    def _save_automatic(self) -> None:
        self._due = False
        self._save(f"{AUTOMATIC}{self.step}")
        automatic = [item for item in self._whole() if item.name.startswith(AUTOMATIC)]
        for item in automatic[:-KEEP_AUTOMATIC]:
            item.path.unlink()

    def _save(self, name: str, journal: int | None = None) -> None:
        if journal is None:
            assert self._journal is not None
            journal = self._journal.sync()
        state = {
            "journal": journal,
            "feed": self._feed.state_dict(),
            "requests": self._requests,
            **self.files.state_dict(),
        }
        text = compact_json(state)
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_atomic(self.files.checkpoints / f"{name}.json", f"{digest}\n{text}\n")

    def _whole(self) -> list[_Saved]:
        """The checkpoints that can be read and lie on the journal as it is, oldest first."""
        end = (self.files.path / JOURNAL).stat().st_size
        found = []
        for path in self.files.checkpoints.glob("*.json"):
            digest, _, text = path.read_text(encoding="utf-8").partition("\n")
            text = text.removesuffix("\n")
            if hashlib.sha256(text.encode()).hexdigest() == digest:
                saved = _Saved(path.stem, path, json.loads(text))
                if saved.journal <= end:
                    found.append(saved)
        return sorted(found, key=lambda item: (item.journal, item.name))

    def _choose(self, at: str | None) -> _Saved:
        whole = self._whole()
        if at is None:
            if not whole:
                raise DataError(f"{self.files.path} has no whole checkpoint")
            return whole[-1]
        for item in whole:
            if item.name == at:
                return item
        raise unknown_name("checkpoint", at, self.checkpoints(), where=f" of {self.files.path}")

    def _go_back(self, chosen: _Saved) -> None:
        """Undo what followed a checkpoint; in this order, so that a kill leaves the old or new."""
        assert self._journal is not None
        self._journal.close()
        self.files.set_aside(JOURNAL, chosen.journal)
        self._journal = JsonLines(self.files.path / JOURNAL)
        for path in self.files.checkpoints.glob("*.json"):
            if path not in {item.path for item in self._whole()}:
                path.unlink()


def _load(
    recipe: str | Path | Recipe | None, overrides: Sequence[str], host: PluginHost
) -> tuple[str, Recipe]:
    if isinstance(recipe, Recipe):
        if overrides:
            raise UsageError("overrides go with a recipe's name or file, not with a Recipe")
        return "feed", recipe
    return load_recipe(str(recipe or DEFAULT_RECIPE), host.recipes(), overrides)


def _id(ticket: Ticket | str) -> str:
    return ticket if isinstance(ticket, str) else ticket.id


def _verdict(judged: Judged) -> Verdict:
    if isinstance(judged, Verdict):
        return judged
    if judged is None:
        return Verdict.undecided("the loop has no verdict")
    if isinstance(judged, bool):
        return Verdict.correct() if judged else Verdict.incorrect("the loop says so")
    try:
        return Verdict.scored(judged)
    except (TypeError, ValueError):
        raise UsageError(f"{judged!r} is no verdict, and no score from 0 to 1") from None
