"""Print the requirements that pyproject.toml names for the build, and for extras.

python tools/requirements.py [EXTRA...] > requirements.txt
"""

import re
import sys
import tomllib
from pathlib import Path


def of_extra(project, extra):
    for requirement in project["optional-dependencies"][extra]:
        own = re.fullmatch(r"fastl1\[(.*)\]", requirement)
        if own is None:
            yield requirement
        else:
            for other in own[1].split(","):
                yield from of_extra(project, other)


def main():
    root = Path(__file__).parent.parent
    config = tomllib.loads((root / "pyproject.toml").read_text())
    wanted = set(config["build-system"]["requires"])
    for extra in sys.argv[1:]:
        wanted.update(of_extra(config["project"], extra))
    print(*sorted(wanted), sep="\n")


if __name__ == "__main__":
    main()
