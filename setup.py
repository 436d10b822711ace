"""Build of the extension modules: Cython kernels over C primitives.

The primitives (csrc/level_*.c) are compiled once per instruction-set level and the level
is chosen at import, so one wheel serves every x86-64 CPU.  Environment variables read
here: FASTL1_NATIVE=1 compiles everything for this machine only; FASTL1_NO_OPENMP=1 builds
the single-threaded package; FASTL1_DEBUG=1 turns Cython's bounds checks on.
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

X86 = platform.machine().lower() in ("x86_64", "amd64")
NATIVE = os.environ.get("FASTL1_NATIVE") == "1"
DEBUG = os.environ.get("FASTL1_DEBUG") == "1"

BASE_FLAGS = ["-std=gnu11", "-fno-math-errno", "-fopenmp-simd"]
BASE_FLAGS += ["-O1", "-g"] if DEBUG else ["-O3"]
LEVELS = {"csrc/level_baseline.c": []}
if X86:
    LEVELS["csrc/level_v3.c"] = ["-mavx2", "-mfma", "-mbmi", "-mbmi2"]
    LEVELS["csrc/level_v4.c"] = [
        *LEVELS["csrc/level_v3.c"],
        *("-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl"),
        "-mprefer-vector-width=512",
    ]

OPENMP_PROBE = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""


class BuildKernels(build_ext):
    """build_ext that compiles csrc/ once per level and probes for OpenMP."""

    def build_extensions(self):
        macros = [("FL1_X86_LEVELS", None)] if X86 else []
        openmp = self.probe_openmp()
        if openmp:
            macros.append(("FL1_OPENMP", None))
        flags = BASE_FLAGS + (["-march=native"] if NATIVE else [])
        for ext in self.extensions:
            ext.define_macros += macros
            ext.extra_compile_args += flags + openmp
            ext.extra_link_args += openmp
            if ext.name == "fastl1._runtime":
                ext.extra_objects += self.compile_levels(macros)
        super().build_extensions()

    def probe_openmp(self):
        """Flags that switch OpenMP on, or [] with a loud warning."""
        if os.environ.get("FASTL1_NO_OPENMP") == "1":
            return self.without_openmp("FASTL1_NO_OPENMP=1 is set")
        with tempfile.TemporaryDirectory() as tmp:
            source = Path(tmp, "probe.c")
            source.write_text(OPENMP_PROBE)
            try:
                objects = self.compiler.compile(
                    [str(source)], output_dir=tmp, extra_postargs=["-fopenmp"]
                )
                self.compiler.link_executable(
                    objects, str(Path(tmp, "probe")), extra_postargs=["-fopenmp"]
                )
            except Exception as error:
                return self.without_openmp(f"the compiler has no OpenMP ({error})")
        return ["-fopenmp"]

    @staticmethod
    def without_openmp(why):
        line = "!" * 72
        print(
            f"{line}\nfastl1 is being built WITHOUT OpenMP: {why}.\n"
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
                include_dirs=["csrc"],
                extra_postargs=BASE_FLAGS + level_flags,
                depends=["csrc/ops.inc", "csrc/columns.inc", "csrc/sparse.inc"],
            )
        return objects


def kernel(name, *sources):
    return Extension(
        f"fastl1.{name}",
        [f"fastl1/{name}.pyx", *sources],
        include_dirs=["csrc", np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        depends=["csrc/fl1_ops.h"],
    )


MODULES = [kernel("_runtime", "csrc/dispatch.c")]
MODULES += [
    kernel(path.stem)
    for path in sorted(Path("fastl1").glob("_*.pyx"))
    if path.stem != "_runtime"
]

setup(
    ext_modules=cythonize(
        MODULES,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    ),
    cmdclass={"build_ext": BuildKernels},
)
