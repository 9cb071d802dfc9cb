"""Choosing the ports to serve on."""

import socket
from collections.abc import Collection
from typing import Final

from calendar_manager.launch.errors import LaunchError

ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on.


def choose_port(
    host: str, wanted: int, option: str, *, insist: bool = True, besides: Collection[int] = ()
) -> int:
    """Return a port that is free right now.

    Args:
        host: Address to listen on.
        wanted: The port; 0 picks a free one.
        option: The command-line option that chooses this port, for the message.
        insist: Whether a taken port is an error; otherwise a free one is picked in its place.
        besides: Ports that are promised to others already.

    Raises:
        LaunchError: The port is taken, or this machine has no such address.
    """
    if wanted and wanted in besides:
        if insist:
            raise LaunchError(f"Port {wanted} is wanted twice. Choose another one with {option}.")
        wanted = 0
    try:
        port = _bind(host, wanted)
        while port in besides:
            port = _bind(host, 0)
    except OSError as error:
        if wanted and not insist:
            return choose_port(host, 0, option, besides=besides)
        raise LaunchError(
            f"Cannot listen on {host} port {wanted}: {error.strerror}."
            f" Choose another port with {option}; 0 picks a free one."
        ) from error
    return port


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do, so that a port whose last connections are fading out counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def make_url(host: str, port: int) -> str:
    """Return the address to open in a browser of this machine."""
    shown = "127.0.0.1" if host in ANY_ADDRESS else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
