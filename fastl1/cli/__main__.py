"""``python -m fastl1.cli``."""

from fastl1.cli import main

main()
