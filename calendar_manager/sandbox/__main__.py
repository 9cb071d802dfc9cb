"""``python -m calendar_manager.sandbox``: the sandbox as a process of its own."""

import argparse
import json
import sys
from pathlib import Path

from calendar_manager.sandbox.default_accounts import describe_accounts
from calendar_manager.sandbox.server import run


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve until interrupted.

    With ``--json`` one line, ``{"sandbox": url}``, is printed once it serves.
    """
    parser = argparse.ArgumentParser(
        prog="python -m calendar_manager.sandbox",
        description="A stand-in for the calendar providers, over HTTP.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 picks a free one")
    parser.add_argument("--seed", type=Path, help="an .ics file for the Google account's calendar")
    parser.add_argument("--json", action="store_true", help="print the address as one JSON line")
    options = parser.parse_args(arguments)

    def announce(url: str) -> None:
        line = (
            json.dumps({"sandbox": url})
            if options.json
            else f"Sandbox at {url} with {describe_accounts()}. Stop it with Ctrl-C."
        )
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    try:
        run(options.host, options.port, options.seed, announce)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
