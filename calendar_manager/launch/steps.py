"""What happens right now, on the terminal: a spinner that becomes a tick."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Steps:
    """Shows one step after the other; calling it ends the last one and begins the next.

    Args:
        console: Where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._text = ""
        self._began = 0.0

    def __call__(self, text: str) -> None:
        """Begin a step."""
        self.finish()
        self._text = text
        self._began = monotonic()
        self._status = self._console.status(f"{text} …")
        self._status.start()

    def finish(self) -> None:
        """Tick off the present step."""
        if self._clear():
            seconds = monotonic() - self._began
            self._console.print(f"[green]✓[/] {self._text} [dim]{seconds:.1f} s[/]")

    def _clear(self) -> bool:
        status, self._status = self._status, None
        if status is not None:
            status.stop()
        return status is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()
        elif self._clear():
            self._console.print(f"[red]✗[/] {self._text}")
