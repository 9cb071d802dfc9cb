"""Quick work has few threads, which are its own."""

import asyncio
from threading import Event, Lock

import pytest
from anyio import to_thread
from anyio.to_thread import current_default_thread_limiter

from calendar_manager.api.quick_threads import QUICK_THREADS, run_quickly

pytestmark = pytest.mark.unit


def test_quick_work_is_done_while_all_other_threads_wait() -> None:
    async def ask() -> int:
        current_default_thread_limiter().total_tokens = 2
        release = Event()
        waiting = [asyncio.create_task(to_thread.run_sync(release.wait, 60)) for _ in range(3)]
        try:
            return await asyncio.wait_for(run_quickly(lambda: 1), timeout=30)
        finally:
            release.set()
            await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == 1


def test_no_more_is_done_at_once_than_there_are_quick_threads() -> None:
    lock, running, most = Lock(), 0, 0
    pause = Event()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pause.wait(0.01)
        with lock:
            running -= 1
        return number

    async def ask() -> list[int]:
        return await asyncio.gather(*(run_quickly(work, number) for number in range(20)))

    for _ in range(2):  # Each event loop has a limit of its own.
        assert asyncio.run(ask()) == list(range(20))
    assert most == QUICK_THREADS


def test_what_the_work_raises_reaches_whoever_asked() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    async def ask() -> None:
        await run_quickly(fail)

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(ask())
