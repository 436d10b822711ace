"""What other packages found, as JSON files beside this one."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


class Solutions:
    """Coefficients by name of a case, and the versions of what made them."""

    def __init__(self, versions):
        self.versions = versions
        self.cases = {}

    def keep(self, package):
        """Begin with what is stored, if the versions are those of now."""
        stored = json.loads((FOLDER / f"{package}.json").read_text())
        if stored["versions"] != self.versions:
            raise SystemExit(f"stored of {stored['versions']}: solve all cases again")
        self.cases = stored["cases"]

    def add(self, name, case, coefs, intercepts=None, **more):
        """`coefs` has a column an alpha, as `fastl1.path` has."""
        self.cases[name] = {"checksum": case.checksum, "coefs": _short(coefs)}
        if intercepts is not None:
            self.cases[name]["intercepts"] = _short(intercepts)
        self.cases[name] |= {key: _short(value) for key, value in more.items()}

    def save(self, package):
        text = json.dumps({"versions": self.versions, "cases": self.cases}, indent=1)
        # a line for each innermost list
        for _ in range(2):
            text = text.replace("\n     ", " ").replace("\n    ]", " ]")
        (FOLDER / f"{package}.json").write_text(text + "\n")


def _short(values):
    """Nested lists of 13 digits."""
    flat = [float(f"{value:.13g}") for value in np.ravel(values)]
    return np.reshape(flat, np.shape(values)).tolist()


def load(package):
    """``(versions, cases)``, with arrays."""
    stored = json.loads((FOLDER / f"{package}.json").read_text())
    for case in stored["cases"].values():
        for key in case.keys() - {"checksum"}:
            case[key] = np.array(case[key])
    return stored["versions"], stored["cases"]
