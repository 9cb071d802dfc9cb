"""``python -m benchmarks.soak``: torment an installation, and say whether it is still right."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic

from benchmarks.soak.trial import Order, run
from calendar_manager.embedded import EmbeddedServerError
from calendar_manager.launch.errors import LaunchError, StopRequested
from calendar_manager.launch.stack import erase_stack
from calendar_manager.launch.stopping import stop_on_signals

DIRTY, FAILED, INTERRUPTED = 1, 2, 130


def main() -> int:
    """Run one soak.

    Returns:
        0 when nothing is lost, duplicated, wrong or left over; 1 when something is; 2 when the
        installation did not start or stay up; 130 after Ctrl-C.
    """
    arguments = _read_arguments()
    began = monotonic()

    def say(text: str) -> None:
        print(f"[{monotonic() - began:6.1f} s] {text}", file=sys.stderr, flush=True)

    # A short path, for the sake of sockets.
    place = Path(tempfile.mkdtemp(prefix="cm-soak-"))
    order = Order(
        seed=arguments.seed,
        minutes=arguments.minutes,
        rate=arguments.rate,
        kill_seconds=arguments.kill_seconds,
        home=place / "home",
    )
    keep = arguments.keep
    try:
        with stop_on_signals():
            report = run(order, say)
    except (LaunchError, EmbeddedServerError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return FAILED
    except StopRequested:
        keep = False
        return INTERRUPTED
    finally:
        if keep:
            say(f"the data and logs are in {order.home}")
        else:
            erase_stack(order.home)
            shutil.rmtree(place, ignore_errors=True)
    print(report.as_text(), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json.dumps(report.as_json()))
    return 0 if report.is_clean else DIRTY


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long changes are made")
    parser.add_argument("--seed", type=int, default=1, help="of all random choices")
    parser.add_argument("--rate", type=float, default=2.0, help="changes per second")
    parser.add_argument(
        "--kill-seconds", type=float, default=20.0, help="seconds between two kills on average"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON as well")
    parser.add_argument("--keep", action="store_true", help="leave the data and logs behind")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
