"""Do the sdist and the wheel hold what they should, and nothing else?

python tools/check_dist.py FOLDER
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCE_FOLDERS = ("csrc/", "docs/", "examples/", "fastl1/", "tests/", "tools/")
IN_WHEEL = (".h", ".py", ".pyi", ".pxd", ".so")


def main():
    (sdist,) = Path(sys.argv[1]).glob("*.tar.gz")
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    tracked = subprocess.run(
        ["git", "ls-files"], check=True, capture_output=True, text=True
    ).stdout.split()
    sources = [name for name in tracked if name.startswith(SOURCE_FOLDERS)]
    errors = []

    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    errors += [f"sdist lacks {name}" for name in sources if name not in names]
    errors += [
        f"sdist has {name}"
        for name in names
        if name.endswith((".c", ".so")) and name not in tracked
    ]

    names = [n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n]
    wanted = {n for n in tracked if n.startswith("fastl1/") and n.endswith(IN_WHEEL)}
    errors += [
        f"wheel lacks {name}" for name in {*wanted, "fastl1/py.typed"} - {*names}
    ]
    errors += [
        f"wheel has {name}"
        for name in names
        if not (name.startswith("fastl1/") and name.endswith((*IN_WHEEL, "py.typed")))
    ]
    print(*errors, sep="\n", end="\n" if errors else "", file=sys.stderr)
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
