"""What the package costs before it does anything: import time and size."""

import subprocess
import sys
import time
from pathlib import Path

import fastl1


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


class Import:
    unit = "ms"

    def track_import_over_numpy(self):
        """Interleaved, so that both see the same machine."""
        pairs = [
            (seconds("import numpy, fastl1"), seconds("import numpy")) for _ in range(7)
        ]
        ours, bare = map(min, zip(*pairs, strict=True))
        return 1e3 * (ours - bare)


class Size:
    unit = "bytes"

    def track_binaries(self):
        folder = Path(fastl1.__file__).parent
        return sum(path.stat().st_size for path in folder.rglob("*.so"))
