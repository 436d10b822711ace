"""Independent problems over a pool of threads.

The compiled solver releases the GIL, so threads share the data and copy nothing.  A
problem is solved whole by one thread, and results are taken in the order of their
numbers, so nothing depends on the number of threads.  What the caller passes in to be
told of results and of progress runs in the calling thread.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fastl1 import _runtime
from fastl1.exceptions import FitInterrupted

Report = Callable[..., bool]

# Seconds after which whoever waits looks whether all are to stop: a problem for an
# answer, the calling thread for news (not every Ctrl-C wakes it up).
PATIENCE = 0.1


def split_threads(n_threads: int | None, count: int) -> tuple[int, int]:
    """How `count` problems share `n_threads`: (workers, threads within a problem).

    One problem gets all threads; several get one each.  A problem that is itself solved
    in a pool gets one, and so does everything in a forked child.
    """
    if _runtime.in_pool():
        return 1, 1
    n_threads = _runtime.resolve_threads(n_threads)
    workers = min(n_threads, max(count, 1))
    return (workers, 1) if workers > 1 else (1, n_threads)


def solve_all(
    solve: Callable[[int, Report], Any],
    count: int,
    *,
    workers: int,
    report: Callable[..., Any] | None = None,
    finish: Callable[[int, Any], Any] | None = None,
) -> list[Any]:
    """``[finish(k, solve(k, tell)) for k in range(count)]``, with a pool of threads.

    Parameters
    ----------
    solve : callable
        ``solve(k, tell)`` solves problem k, in any thread, with the inner number of
        threads of `split_threads`.  ``tell(...)`` passes its arguments to `report`; a
        true answer means to stop early and return what is done.
    count : int
        Number of problems.
    workers : int
        Threads of the pool, from `split_threads`; 1 uses the calling thread alone.
    report : callable, optional
        Progress, called in the calling thread.  Once it has answered true no further
        problem begins, and every running one is told so when it next reports.
    finish : callable, optional
        ``finish(k, result)``, called in the calling thread and in the order of k; what
        it returns takes the place of the result.  Should have no side effects: an
        interrupted call is made again.

    Returns
    -------
    list of length count
        None for problems that did not begin after `report` had asked to stop.

    Raises
    ------
    FitInterrupted
        On Ctrl-C.  Running problems are interrupted too, and its `result` is the list:
        finished results, partial ones (of problems that raised `FitInterrupted`
        themselves), and None.
    Exception
        The error of the first problem (by its number) or callback that failed; the
        others are stopped.
    """
    run = _Run(count, report, finish)
    try:
        if workers > 1:
            _in_pool(run, solve, workers)
        else:
            _in_turn(run, solve)
    except KeyboardInterrupt:
        pass
    else:
        return run.results
    done = sum(result is not None for result in run.results)
    raise FitInterrupted(f"interrupted: {done} of {count} problems begun", run.results)


class _Run:
    """Results as they come; all methods run in the calling thread."""

    def __init__(
        self,
        count: int,
        report: Callable[..., Any] | None,
        finish: Callable[[int, Any], Any] | None,
    ) -> None:
        self.results: list[Any] = [None] * count
        self.report, self.finish = report, finish
        self.stopped = False

    def tell(self, *args: Any) -> bool:
        if self.report is not None and not self.stopped:
            self.stopped = bool(self.report(*args))
        return self.stopped

    def keep(self, k: int, result: Any) -> None:
        if result is not None and self.finish is not None:
            result = self.finish(k, result)
        self.results[k] = result


def _in_turn(run: _Run, solve: Callable[[int, Report], Any]) -> None:
    for k in range(len(run.results)):
        if run.stopped:
            return
        try:
            result = solve(k, run.tell)
        except FitInterrupted as error:
            run.keep(k, error.result)
            raise
        run.keep(k, result)


def _in_pool(run: _Run, solve: Callable[[int, Report], Any], workers: int) -> None:
    """Workers put what they want to tell, and that they are done, in one queue."""
    count, kept = len(run.results), 0
    stop = threading.Event()
    events: queue.SimpleQueue[tuple[Future[bool], tuple[Any, ...]] | None]
    events = queue.SimpleQueue()

    def tell(*args: Any) -> bool:
        if run.report is None:
            return False
        answer: Future[bool] = Future()
        events.put((answer, args))
        while not stop.is_set():
            try:
                return answer.result(PATIENCE)
            except TimeoutError:
                pass
        return True

    def work(k: int) -> Any:
        return None if run.stopped or stop.is_set() else solve(k, tell)

    pool = ThreadPoolExecutor(
        workers, "fastl1", initializer=_runtime.stop_with, initargs=(stop,)
    )
    futures: list[Future[Any]] = []
    try:
        for k in range(count):
            futures.append(pool.submit(work, k))
            futures[k].add_done_callback(lambda _: events.put(None))
        while kept < count:
            try:
                event = events.get(timeout=PATIENCE)
            except queue.Empty:
                continue
            if event is not None:
                answer, args = event
                answer.set_result(run.tell(*args))
            while kept < count and futures[kept].done():
                run.keep(kept, futures[kept].result())
                kept += 1
    except BaseException as error:
        stop.set()
        pool.shutdown(cancel_futures=True)
        if isinstance(error, KeyboardInterrupt):
            for k in range(kept, len(futures)):
                run.keep(k, _outcome(futures[k]))
        raise
    pool.shutdown()


def _outcome(future: "Future[Any]") -> Any:
    """Result of a problem of an interrupted run, partial or None."""
    if future.cancelled():
        return None
    error = future.exception()
    if error is None:
        return future.result()
    return error.result if isinstance(error, FitInterrupted) else None
