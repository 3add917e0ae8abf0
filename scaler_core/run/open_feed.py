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
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

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
)
from scaler_core.interfaces import CountTokens
from scaler_core.jsonio import canonical_json, compact_json
from scaler_core.jsonlines import JsonLines
from scaler_core.judge import Judged, verdict_from
from scaler_core.models import Batch, Event, Group, Record, Response, Ticket, Verdict
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.run.directory import RunDirectory
from scaler_core.run.events import EVENTS, event_line
from scaler_core.run.feed_checkpoints import AUTOMATIC, JOURNAL, FeedCheckpoints, check_name
from scaler_core.run.provenance import report_changes, write_facts
from scaler_core.run.recipes import load_recipe, resolve_recipe
from scaler_core.run.setup import FeedParts, assemble_feed, check_requirements

FORMAT = 1
REQUESTS_KEPT = 1 << 14
"""The newest requests, which may be repeated."""
LONGEST_REASON = 500
LONGEST_REQUEST = 200
# what the tickets of a feed follow from: another value would make other calls of the same journal
_FIXED: dict[str, tuple[str, ...]] = {
    "run": ("seed",),
    "pool": (),
    "batch": ("prompts",),
    "prompt": (),
    "verifier": (),
    "controller": (),
    "curator": (),
    "factory": ("references", "agree", "attempts", "quarantine_after"),
    "evaluation": ("held_out",),
}

PromptLimit = tuple[CountTokens, int]


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
    begun = (path / JOURNAL).exists() and (path / JOURNAL).stat().st_size > 0
    if not begun and any(item.is_dir() for item in (path / "checkpoints").glob("step-*")):
        raise UsageError(
            f"{path} is the directory of a run, which a feed cannot go on with",
            hint="name a new directory for the feed; `scaler run --resume` goes on with the run",
        )
    if at is not None and not begun:
        raise UsageError(f"{path} holds no feed, so it has no checkpoint {at!r}")
    if begun and recipe is None:
        there = RunDirectory.open(path)
        _, resolved = resolve_recipe(there.recipe, host, overrides)
        name = str(there.read_json("environment.json").get("recipe", path.name))
    else:
        name, resolved = resolve_recipe(recipe or DEFAULT_RECIPE, host, overrides, name="feed")
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


class FeedState(Record):
    """A feed between two calls.

    Attributes:
        recipe: The recipe's name.
        step: Steps that have ended.
        prompts: Tickets that end a step.
        open: Tickets that are out.
        metrics: Figures of the last step that ended in this process.
        environments: What is known of each environment that was ever active, by id:
            ``environment_id``, ``active``, ``difficulty``, ``top_level``, and counts of tickets:
            ``recorded``, ``informative`` of those, ``abandoned``.
        checkpoints: Names that :func:`open_feed` can go back to, oldest first.
    """

    recipe: str
    step: int
    prompts: int
    open: int
    metrics: dict[str, float]
    environments: tuple[dict[str, JsonValue], ...]
    checkpoints: tuple[str, ...]


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
        self._checkpoints = FeedCheckpoints(path)
        self._lock = threading.RLock()
        self._journal: JsonLines | None = None
        self._broken = ""
        self._touched = False
        self._request: _Request | None = None
        self._requests: dict[str, tuple[str, list[str]]] = {}
        self._due = False
        self._held: list[Event] | None = None
        self._factory = parts.make_factory()
        self._judge = parts.make_judge(self._factory)
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
        """The next *count* tickets; fewer where the machine fails, or the pool ends, after some.

        Raises:
            BackendProtocolError: *request* was answered, and its tickets came back since.
            FeedFull: There is no room for all of them. None was drawn.
            PoolExhausted, InfrastructureError: As of :meth:`draw`.
        """
        with self._call(request, "draw", count) as drawn:
            tickets = self._feed.outstanding(drawn or ())
            if len(tickets) < len(drawn or ()):
                raise BackendProtocolError(
                    f"request {request!r} was answered before, and its tickets came back since"
                )
            self._feed.check_room(count - len(tickets))
            while len(tickets) < count:
                try:
                    tickets.append(self._feed.draw())
                except (PoolExhausted, InfrastructureError):
                    if not tickets or self._broken:
                        raise
                    break
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

    def verify(self, ticket: Ticket | str, response: Response | str) -> Verdict:
        """The verdict on one response; pure, and waits for no other call.

        The id of a ticket that is out will do; then it is made again.
        """
        if isinstance(ticket, str):
            found = self.outstanding([ticket])
            if not found:
                raise BackendProtocolError(
                    f"ticket {ticket!r} cannot be judged: it is unknown, or came back already"
                )
            ticket = found[0]
        return self._feed.verify(ticket, response)

    def verify_many(self, pairs: Sequence[tuple[Ticket | str, Response | str]]) -> list[Verdict]:
        """Verdicts on many responses, in order."""
        return [self.verify(ticket, response) for ticket, response in pairs]

    def record(
        self,
        ticket: Ticket | str,
        verdicts: Sequence[Judged],
        responses: Sequence[Response | str] = (),
        *,
        seed: int | None = None,
        request: str = "",
    ) -> None:
        """Resolve a ticket, or its id, by one verdict for each response to it.

        Args:
            ticket: The ticket.
            verdicts: Verdicts, or scores of one's own.
            responses: The responses, where controllers are to know their lengths: all or none.
            seed: The ticket's seed, where its id is given and an older ticket of that id, from
                before a going back, is to be refused.
            request: See :meth:`draw`.

        Raises:
            BackendProtocolError: The id is unknown or was recorded before, the ticket is one from
                before a going back, or there is no verdict. Nothing has changed then.
            UsageError: A score is no number from 0 to 1, or another argument is wrong.
        """
        judged = [verdict_from(item) for item in verdicts]
        given = [Response(text=item) if isinstance(item, str) else item for item in responses]
        if given and len(given) != len(judged):
            raise UsageError(f"{len(judged)} verdicts, but {len(given)} responses")
        if not all(isinstance(item, Response) for item in given):
            raise UsageError("a response is a text or a Response")
        name = _id(ticket)
        group = Group.of(name, judged, given)
        with self._call(request, "record", group) as made:
            if made is None:
                self._check_same(name, ticket.seed if isinstance(ticket, Ticket) else seed)
                self._feed.record_group(group)

    def abandon(
        self, ticket: Ticket | str, reason: str, *, seed: int | None = None, request: str = ""
    ) -> None:
        """Resolve a ticket, or its id, without verdicts, because it was given up.

        Raises:
            BackendProtocolError: The id is unknown, or was recorded or abandoned before.
        """
        name = _id(ticket)
        _check_text("a reason", reason, LONGEST_REASON)
        with self._call(request, "abandon", name, reason) as made:
            if made is None:
                self._check_same(name, ticket.seed if isinstance(ticket, Ticket) else seed)
                self._feed.abandon(name, reason)

    def _check_same(self, name: str, seed: int | None) -> None:
        """Raise where a ticket was drawn before the feed went back, and another has its id now."""
        now = self._feed.open_tickets.get(name)
        if now is not None and seed not in (None, now.seed):
            raise BackendProtocolError(
                f"ticket {name!r} was drawn before the feed went back to a checkpoint"
            )

    def checkpoint(self, name: str, *, request: str = "") -> None:
        """Keep the present state under *name*, in place of an older one of that name.

        Raises:
            UsageError: The name cannot be that of a file.
        """
        check_name(name)
        with self._call(request, "checkpoint", name) as made:
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

    def state(self) -> FeedState:
        """Step, open tickets, figures, environments and checkpoints."""
        with self._lock:
            return FeedState(
                recipe=self.name,
                step=self.step,
                prompts=self._feed.prompts,
                open=len(self._feed.open_tickets),
                metrics=self.metrics,
                environments=tuple(self._feed.engine.describe()),
                checkpoints=tuple(self.checkpoints()),
            )

    def environments(self) -> list[dict[str, JsonValue]]:
        """The rows of :attr:`FeedState.environments`."""
        return list(self.state().environments)

    def checkpoints(self) -> list[str]:
        """Names that :func:`open_feed` can go back to, oldest first."""
        with self._lock:
            return self._checkpoints.names()

    # -------------------------------------------------------------- opening and closing

    def create(self) -> None:
        """Begin in a new directory; the journal comes last, for it makes the folder a feed's.

        Raises:
            DataError: The folder holds checkpoints of a feed whose journal is missing.
        """
        self._checkpoints.check_new()
        self.files.create()
        write_facts(self.files, self.parts, self.name)
        self._emit(Event(kind="started", step=0, evidence=self._evidence()))
        header = compact_json({"format": FORMAT})
        self._save(f"{AUTOMATIC}0", journal=len(header) + 1)
        self._journal = JsonLines(self.files.path / JOURNAL)
        self._journal.append(header)

    def reopen(self, at: str | None) -> None:
        """Go on in a directory, where the last call left it or *at* a checkpoint.

        All that can be wrong is found before anything is changed.
        """
        self.files.lock()
        self._check_recipe()
        self._journal = JsonLines(self.files.path / JOURNAL)
        self._check_format()
        chosen, state = self._checkpoints.choose(at)
        self.files.check_positions(state["logs"])
        self._held = []  # events of a changed pool, which belong behind those of the checkpoint
        self._feed.load_state_dict(state["feed"])
        self._requests = {name: (of, names) for name, (of, names) in state["requests"].items()}
        if at is not None:
            self._go_back(chosen.journal)
        self._checkpoints.remove_undone()
        self.files.rewind(state["logs"], superseded=at is not None)
        held, self._held = self._held, None
        for event in held:
            self._emit(event)
        if at is None:
            self._replay(chosen.journal)
        report_changes(self.files, self.parts, self.step, self._emit)
        evidence = {**self._evidence(), **({} if at is None else {"at": at})}
        self._emit(Event(kind="resumed", step=self.step, evidence=evidence))
        write_facts(self.files, self.parts, self.name)
        if self._feed.is_whole:
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

    def _check_format(self) -> None:
        assert self._journal is not None
        _, header = next(self._journal.records(), (None, None))
        if header != {"format": FORMAT}:
            raise DataError(
                f"{self._journal.path} begins with {header}: this SCALER reads format {FORMAT}"
            )

    # -------------------------------------------------------------- the journal

    @contextmanager
    def _call(self, request: str = "", *content: Any) -> Iterator[list[str] | None]:
        """One call at a time; one that ends half-way ends the use of this object.

        Args:
            request: The id of the call; empty for none.
            content: What the call is: its name and arguments.

        Yields:
            The tickets that the request has drawn so far, and none for other methods; ``None``
            where it has not been made.
        """
        _check_text("a request id", request, LONGEST_REQUEST)
        with self._lock:
            if self._broken:
                raise UsageError(self._broken, hint="open it again: no answered call is lost")
            made = None
            self._request, self._touched = None, False
            if request:
                plain = [
                    item.model_dump(mode="json") if isinstance(item, Record) else item
                    for item in content
                ]
                digest = hashlib.sha256(canonical_json(plain).encode()).hexdigest()[:16]
                self._request = _Request(request, digest)
                known, made = self._requests.get(request, (digest, None))
                if known != digest:
                    raise BackendProtocolError(
                        f"request {request!r} was another call before: each has an id of its own"
                    )
            try:
                yield made
            except (BackendProtocolError, PoolExhausted, InfrastructureError, UsageError):
                raise  # before anything changed, unless a log failed, which has been noted
            except BaseException as error:
                if self._touched:
                    self._broken = f"the feed was interrupted in a call: {one_line(error)}"
                raise
            if self._due and self._feed.is_whole:
                # the call is made, and the journal has it: a full disk costs replaying later
                with suppress(InfrastructureError):
                    self._save_automatic()

    def _write_call(self, call: dict[str, JsonValue]) -> None:
        assert self._journal is not None
        # making a plan is part of whichever draw comes first, and is not told apart from it
        if self._request and "plan" not in call:
            call |= {"request": self._request.id, "of": self._request.digest}
        self._touched = True
        self._journal.append(compact_json(call), sync=False)
        self._note_request(call)

    def _note_request(self, call: Mapping[str, Any]) -> None:
        """Remember that a request was made, and the tickets that it drew."""
        if request := call.get("request"):
            names = [name for name, *_ in call.get("draw", ())]
            _, drawn = self._requests.setdefault(request, (str(call.get("of", "")), []))
            drawn += names
            while len(self._requests) > REQUESTS_KEPT:
                self._requests.pop(next(iter(self._requests)))

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
        if self._held is not None:
            self._held.append(event)
            return
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
        self._save(f"{AUTOMATIC}{self.step}")
        self._due = False
        self._checkpoints.remove_older_automatic()

    def _save(self, name: str, journal: int | None = None) -> None:
        if journal is None:
            assert self._journal is not None
            journal = self._journal.sync()
        state = {
            "feed": self._feed.state_dict(),
            "requests": self._requests,
            **self.files.state_dict(),
        }
        self._checkpoints.write(name, state, journal)

    def _go_back(self, end: int) -> None:
        """Cut the journal at byte *end*; what followed a checkpoint is undone from then on."""
        assert self._journal is not None
        self._journal.close()
        self.files.set_aside(JOURNAL, end)
        self._journal = JsonLines(self.files.path / JOURNAL)


class _Request(NamedTuple):
    """The id of a call, and a digest of what the call is."""

    id: str
    digest: str


def _id(ticket: Ticket | str) -> str:
    if isinstance(ticket, Ticket):
        return ticket.id
    _check_text("a ticket's id", ticket, LONGEST_REQUEST)
    return ticket


def _check_text(what: str, text: object, longest: int) -> None:
    """Raise ``UsageError`` unless *text* can stand in a file and is no longer than *longest*."""
    if not isinstance(text, str) or len(text) > longest:
        raise UsageError(f"{what} is a text of {longest} characters at most, not {text!r:.100}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} cannot be written as UTF-8: {text!r:.100}") from None
