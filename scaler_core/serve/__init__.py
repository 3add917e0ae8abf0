"""A feed over HTTP: the server that ``scaler serve`` runs, and clients with the feed's methods."""

from __future__ import annotations

from collections.abc import Callable

from scaler_core.errors import UsageError
from scaler_core.run.open_feed import OpenFeed


def check_serving(host: str, token: str) -> None:
    """Check, before a feed is opened for it, that one could be served on *host*.

    Raises:
        UsageError: The extra ``serve`` is not installed, or other machines reach *host* without a
            token.
    """
    try:
        import scaler_core.serve.server  # noqa: F401 (needs all of the extra)
        from scaler_core.serve.gate import is_loopback
    except ModuleNotFoundError as error:
        raise UsageError(
            f"serving a feed needs the extra 'serve': {error.name} is not installed",
            hint="pip install 'scaler-rl[serve]'",
        ) from None
    if not token and not is_loopback(host):
        raise UsageError(
            f"`host` {host} can be reached from other machines: a token is needed",
            hint="set SCALER_TOKEN, or give `token`",
        )


def serve_feed(
    feed: OpenFeed,
    *,
    host: str = "127.0.0.1",
    port: int = 8808,
    token: str = "",
    ticket_timeout_s: float | None = None,
    started: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a feed until a signal ends it; the feed is not closed.

    Args:
        feed: The feed.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        token: What requests must carry; needed where other machines can reach *host*.
        ticket_timeout_s: Seconds after which a ticket that was not recorded is abandoned.
        started: Called with the server's address once it listens.

    Raises:
        UsageError: The extra ``serve`` is not installed, the address cannot be listened on, or it
            needs a token.
    """
    check_serving(host, token)
    from scaler_core.serve.server import serve

    serve(
        feed,
        host=host,
        port=port,
        token=token,
        ticket_timeout_s=ticket_timeout_s,
        started=started,
    )
