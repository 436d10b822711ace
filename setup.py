"""Build of the extension modules: Cython kernels over C primitives.

The primitives (csrc/level_*.c) are compiled once per instruction-set level and the
level is chosen at import, so one wheel serves every x86-64 CPU.  Environment variables
read here, each "1" or unset (every combination builds in its own folder under build/):

    FASTL1_NO_OPENMP  the single-threaded package
    FASTL1_NATIVE     everything for this machine's CPU only; never for a wheel to ship
    FASTL1_DEBUG      Cython's bounds checks and C asserts on, little optimization
    FASTL1_SANITIZE   AddressSanitizer and UBSan (see tools/sanitize.sh)
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

VARIANTS = ("NO_OPENMP", "NATIVE", "DEBUG", "SANITIZE")
NO_OPENMP, NATIVE, DEBUG, SANITIZE = (
    os.environ.get(f"FASTL1_{name}") == "1" for name in VARIANTS
)
BUILD_BASE = "-".join(
    ["build/fastl1"]
    + [name.lower() for name in VARIANTS if os.environ.get(f"FASTL1_{name}") == "1"]
)

# csrc/build.sh reads the same file
FLAGS_FILE = Path("csrc/flags.txt").read_text().splitlines()
# Beside the standard and "omp simd" that is what changes no result: no errno, no
# floating-point traps, which keep loops with a choice in them from being vectorized.
FLAGS = [*FLAGS_FILE[0].split(), "-fvisibility=hidden"]
FLAGS += ["-O1", "-g", "-UNDEBUG"] if DEBUG or SANITIZE else ["-O3", "-g0"]
LINK_FLAGS = []
if SANITIZE:
    # Python is compiled with -fwrapv, which would hide signed overflow
    FLAGS += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-wrapv"]
    LINK_FLAGS += ["-fsanitize=address,undefined"]

LEVELS = {}
for line in FLAGS_FILE[1:]:
    source, *flags = line.split()
    LEVELS[f"csrc/{source}"] = flags
    if platform.machine().lower() not in ("x86_64", "amd64"):
        break  # the others are for x86-64 only
MACROS = [("FL1_X86_LEVELS", None)] if len(LEVELS) > 1 else []

PYTHON_PROBE = """
#include <Python.h>
int main(void) { return 0; }
"""
OPENMP_PROBE = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""


class BuildKernels(build_ext):
    """build_ext that compiles csrc/ once per level and probes for OpenMP."""

    def finalize_options(self):
        super().finalize_options()
        if self.editable_mode:
            # not a temporary folder: installing again compiles only what changed
            self.build_lib = self.build_temp = f"{BUILD_BASE}/editable"
        if self.parallel is None:
            self.parallel = os.cpu_count()

    def build_extensions(self):
        failure = self.probe(PYTHON_PROBE)
        if failure:
            raise SystemExit(
                f"fastl1 needs a C compiler and Python's headers: {failure}\n"
                "On Debian and Ubuntu: apt-get install gcc python3-dev"
            )
        openmp = self.find_openmp()
        macros = MACROS + ([("FL1_OPENMP", None)] if openmp else [])
        native = ["-march=native"] if NATIVE else []
        cython_base = f"{BUILD_BASE}/cython"
        changed = os.path.getmtime("setup.py")  # the directives below, among others
        cythonized = cythonize(
            list(self.extensions),
            nthreads=self.parallel,
            build_dir=cython_base,
            force=any(
                os.path.getmtime(file) < changed
                for file in Path(cython_base, "fastl1").rglob("*.c")
            ),
            compiler_directives={
                "language_level": 3,
                "boundscheck": DEBUG,
                "wraparound": False,
                "initializedcheck": DEBUG,
                "cdivision": True,
                "cpow": True,  # a ** b of doubles is pow(), never a complex number
                "embedsignature": True,
                "freethreading_compatible": True,
            },
        )
        for ext, with_c in zip(self.extensions, cythonized, strict=True):
            ext.sources = with_c.sources
            ext.depends += ["setup.py", *map(str, Path("csrc").iterdir())]
            if ext.name.startswith(("fastl1._capi", "fastl1.kernels.embed.")):
                ext.depends += map(str, Path("fastl1/include").iterdir())
            ext.define_macros += macros
            ext.extra_compile_args += FLAGS + native + openmp
            ext.extra_link_args += LINK_FLAGS + openmp
            if ext.name == "fastl1._runtime":
                ext.extra_objects += self.compile_levels(macros)
        super().build_extensions()

    def copy_extensions_to_source(self):
        # always, or an older build of another variant would leave the last one in place
        self.force = True
        super().copy_extensions_to_source()

    def probe(self, source, flags=()):
        """Compile and link `source`; return None or what went wrong."""
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "probe.c")
            path.write_text(source)
            try:
                objects = self.compiler.compile(
                    [str(path)], output_dir=tmp, extra_postargs=list(flags)
                )
                self.compiler.link_shared_object(
                    objects, str(Path(tmp, "probe.so")), extra_postargs=list(flags)
                )
            except Exception as error:
                return str(error)
        return None

    def find_openmp(self):
        """Flags that switch OpenMP on, or [] with a loud warning."""
        if NO_OPENMP:
            failure = "FASTL1_NO_OPENMP=1 is set"
        else:
            failure = self.probe(OPENMP_PROBE, ["-fopenmp"])
        if failure is None:
            return ["-fopenmp"]
        line = "!" * 72
        print(
            f"{line}\nfastl1 is being built WITHOUT OpenMP: {failure}.\n"
            f"Every kernel will run on one thread.\n{line}",
            file=sys.stderr,
        )
        return []

    def compile_levels(self, macros):
        objects = []
        for source, level_flags in LEVELS.items():
            objects += self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                macros=macros,
                extra_postargs=FLAGS + level_flags,
            )
        return objects


def kernel(path):
    name = ".".join(path.with_suffix("").parts)
    primitives = ["csrc/dispatch.c"] if name == "fastl1._runtime" else []
    return Extension(
        name,
        [str(path), *primitives],
        include_dirs=["csrc", "fastl1/include", np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
    )


setup(
    ext_modules=[kernel(path) for path in sorted(Path("fastl1").rglob("_*.pyx"))],
    cmdclass={"build_ext": BuildKernels},
    options={"build": {"build_base": BUILD_BASE}},
)
