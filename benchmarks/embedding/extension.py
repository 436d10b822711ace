"""The module of calls.c, which calls through fastl1's C table."""

import subprocess
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import fastl1

SOURCE = Path(__file__).with_name("calls.c")


def build(folder):
    """Compile calls.c into `folder` and import it."""
    target = Path(folder, f"calls{sysconfig.get_config_var('EXT_SUFFIX')}")
    include = [fastl1.get_include(), sysconfig.get_path("include")]
    flags = ["-O2", "-shared", "-fPIC", *(f"-I{path}" for path in include)]
    subprocess.run(["cc", *flags, SOURCE, "-o", target], check=True)
    spec = spec_from_file_location("calls", target)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
