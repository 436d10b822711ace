"""The process that valgrind runs: all workloads, one after another, at one level.

python -m benchmarks.gate.worker MARKS.so REPORT.json NAME...

REPORT.json tells where fastl1 was imported from, and why a workload did not run.
"""

import ctypes
import gc
import json
import sys
from pathlib import Path

import fastl1

from .workloads import WORKLOADS


def main():
    marks, report, *names = sys.argv[1:]
    marks = ctypes.CDLL(marks)
    gc.disable()  # when a collection comes is no property of fastl1
    runs, failed = {}, {}
    for name in names:
        try:
            runs[name] = WORKLOADS[name]()
            runs[name]()  # imports, the first touch of memory
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
            runs.pop(name, None)
    # switched on once: valgrind translates all code anew when it is
    marks.gate_start()
    for name, run in runs.items():
        marks.gate_zero()
        run()
        marks.gate_dump(name.encode())
    marks.gate_stop()
    found = {"package": str(Path(fastl1.__file__).parent.resolve()), "failed": failed}
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
