"""fastl1's C interface through ctypes, made from the text of fastl1.h.

`HEADER` knows the structures as the compiler does; `api()` is the table, whose
functions ctypes calls without the GIL.
"""

import ctypes
import re
from pathlib import Path

import numpy as np

import fastl1

PATH = Path(fastl1.get_include(), "fastl1.h")
SCALARS = {
    "size_t": ctypes.c_size_t,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "void": None,
}


def c_type(text):
    """The ctypes type of a C type; texts are results, other pointers addresses."""
    if text.strip() == "const char *":
        return ctypes.c_char_p
    if "*" in text:
        return ctypes.c_void_p
    return SCALARS[text.replace("const ", "").strip()]


class Header:
    """Constants and structures of the header, without its comments."""

    def __init__(self, text):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        self.constants = {
            name: int(value) for name, value in re.findall(r"(FL1_\w+) = (-?\d+)", text)
        }
        (version,) = re.findall(r"#define FL1_ABI_VERSION (\d+)", text)
        self.version = int(version)
        self.fields, self.structs = {}, {}
        for name, body in re.findall(
            r"typedef struct (\w+) \{(.*?)\}", text, re.DOTALL
        ):
            fields = [self.field(line) for line in body.split(";") if line.strip()]
            self.fields[name] = fields
            self.structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})

    @staticmethod
    def field(text):
        text = " ".join(text.split())
        function = re.fullmatch(r"(.*?) ?\(\*(\w+)\)\((.*)\)", text)
        if function is None:
            kind, name = re.fullmatch(r"(.*?)(\w+)", text).groups()
            return name, c_type(kind)
        result, name, given = function.groups()
        arguments = [
            c_type(re.fullmatch(r"(.*?)(\w+)", argument.strip()).group(1))
            for argument in given.split(",")
            if argument.strip() != "void"
        ]
        return name, ctypes.CFUNCTYPE(c_type(result + " "), *arguments)


HEADER = Header(PATH.read_text())
K = HEADER.constants


def api():
    """The table."""
    from fastl1 import _capi

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = (
        ctypes.c_void_p,
        [ctypes.py_object, ctypes.c_char_p],
    )
    address = pointer(_capi.fl1_api, b"fastl1._capi.fl1_api")
    return HEADER.structs["fl1_api"].from_address(address)


def struct(name, **fields):
    """A structure with struct_size set; arrays become addresses and stay alive."""
    out = HEADER.structs[name](struct_size=ctypes.sizeof(HEADER.structs[name]))
    out.kept = fields
    for key, value in fields.items():
        setattr(out, key, address(value))
    return out


def address(value):
    """What a C function takes for `value`."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data
    if isinstance(value, ctypes.Structure):
        return ctypes.addressof(value)
    if isinstance(value, ctypes._SimpleCData) and not isinstance(
        value, ctypes._CFuncPtr
    ):
        return ctypes.addressof(value)
    return value


def matrix(X, **fields):
    """fl1_matrix of a NumPy array (either order) or a SciPy CSC or CSR matrix."""
    given = {
        "n_rows": X.shape[0],
        "n_cols": X.shape[1],
        "value_type": K["FL1_FLOAT32" if X.dtype == np.float32 else "FL1_FLOAT64"],
    }
    if isinstance(X, np.ndarray):
        given["layout"] = K["FL1_COLUMNS" if X.flags.f_contiguous else "FL1_ROWS"]
        given["values"] = X
    else:
        wide = X.indices.dtype == np.int64
        given |= {
            "layout": K[f"FL1_{X.format.upper()}"],
            "index_type": K["FL1_INT64" if wide else "FL1_INT32"],
            "nnz": len(X.data),
            "values": X.data,
            "indices": X.indices,
            "indptr": X.indptr.astype(X.indices.dtype, copy=False),
        }
    return struct("fl1_matrix", **given | fields)


class Failed(Exception):
    """A call that returned an error: its code, and what last_error says."""

    def __init__(self, code, text):
        names = {value: name for name, value in K.items() if name.startswith("FL1_E_")}
        super().__init__(f"{names[code]}: {text}")


class Api:
    """The functions of the table: arrays and structures by address, errors raised."""

    def __init__(self):
        self.table = api()
        self.borrowed = {}

    def __getattr__(self, name):
        function = getattr(self.table, name)

        def call(*given):
            result = function(*map(address, given))
            if isinstance(result, int) and result < 0:
                raise Failed(result, self.table.last_error().decode())
            return result

        return call

    def create(self, kind, *given):
        """A new handle of a kind: "design", "model" or "solver"."""
        handle = ctypes.c_void_p(12345)
        try:
            getattr(self, f"{kind}_create")(*given, handle)
        except Failed:
            assert not handle.value
            raise
        self.borrowed[handle.value] = given
        return handle.value
