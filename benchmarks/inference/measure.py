"""Timing: contenders take turns, so that all see the same machine."""

import statistics
import subprocess
import sys
import time

PAUSE = 0.25  # seconds; threads of another library's pool spin for about as long


def interleaved(calls, repeats):
    """Median seconds of each call (by name), each time after one that wakes its own
    threads from the pause."""
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(PAUSE)
            call()
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def latencies(calls, rounds=5):
    """(p50, p99) in microseconds of lists of calls (by name), less the clock's own."""
    clock = time.perf_counter_ns
    taken = {name: [] for name in calls}
    idle = []
    for round_ in range(rounds + 1):
        for name, list_ in calls.items():
            for call in list_:
                start = clock()
                call()
                end = clock()
                if round_:
                    taken[name].append(end - start)
        for _ in range(1000):
            start = clock()
            idle.append(clock() - start)
    own = statistics.median(idle)
    return {
        name: tuple(
            (sorted(times)[int(share * len(times))] - own) / 1e3
            for share in (0.50, 0.99)
        )
        for name, times in taken.items()
    }


def fresh(programs, repeats):
    """Least seconds of each program (by name) in a process of its own, in turns."""
    least = dict.fromkeys(programs, float("inf"))
    for _ in range(repeats):
        for name, code in programs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            least[name] = min(least[name], time.perf_counter() - start)
    return least
