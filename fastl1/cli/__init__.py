"""The command line: ``fastl1 fit``, ``fastl1 predict``, ``fastl1 inspect``."""

import sys


def main(argv=None):
    """Entry point of the ``fastl1`` command; exits with its code."""
    try:
        from fastl1._extras import require

        require("click", extra="cli")
        require("rich", extra="cli")
    except ImportError as error:
        print(f"fastl1: error: {error}", file=sys.stderr)
        sys.exit(1)
    from fastl1.cli.app import run

    sys.exit(run(argv))
