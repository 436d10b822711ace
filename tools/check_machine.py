"""Does this machine have what building fastl1 needs?  If not: the packages to install.

    python3 tools/check_machine.py [TOOL...]

Runs on any Python 3.  TOOL names further commands that are needed (objdump, ...).
"""

import importlib.util
import os
import shutil
import sys
import sysconfig

PACKAGE_OF = {"make": "make", "objdump": "binutils", "readelf": "binutils"}


def missing(tools):
    """Pairs of what is missing and the Debian package that has it."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this file runs on older ones)
        yield f"Python 3.11 or later (this is {sys.version.split()[0]})", "python3"
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            yield "Python's module " + module, "python3-venv"
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        yield "Python's headers (Python.h)", "python3-dev"
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        yield "a C compiler (" + compiler.split()[0] + ")", "gcc"
    for tool in tools:
        if shutil.which(tool) is None:
            yield "the command " + tool, PACKAGE_OF.get(tool, tool)


def main():
    found = list(missing(sys.argv[1:]))
    for what, _ in found:
        print("missing: " + what, file=sys.stderr)
    if found:
        packages = " ".join(sorted({package for _, package in found}))
        sys.exit("On Debian and Ubuntu: sudo apt-get install " + packages)


if __name__ == "__main__":
    main()
