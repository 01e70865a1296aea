"""include/rnn.h against the ctypes declarations and against the library, in both directions."""

import ctypes
import re
import subprocess
from ctypes import POINTER

import librnn
import pytest
from librnn import _c_api, _c_types

from conftest import ROOT

HEADER = re.sub(r"/\*.*?\*/", "", (ROOT / "include" / "rnn.h").read_text(), flags=re.DOTALL)
HEADER = HEADER.replace(") RNN_NONBLOCKING;", ");")

SCALARS = {
    "void": None,
    "char": ctypes.c_char,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
}
ENUMS = re.findall(r"typedef enum \w+ \{([^}]*)\} (\w+);", HEADER)
STRUCTS = re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+);", HEADER)
HANDLES = re.findall(r"typedef struct (\w+) \1;", HEADER)
FUNCTIONS = re.findall(r"^(?:const )?(\w+ ?\*?) ?(rnn_\w+)\(([^)]*)\);", HEADER, re.MULTILINE)


def python_class(struct):
    """rnn_step_report -> StepReport."""
    return getattr(_c_types, "".join(map(str.capitalize, struct.split("_")[1:])))


def scalar(name):
    if name in SCALARS:
        return SCALARS[name]
    if name in [enum for _, enum in ENUMS]:
        return ctypes.c_int
    return python_class(name)


def ctype(text):
    """The ctypes type of a C type without its variable: "const rnn_layer *"."""
    name, stars = text.replace("const ", "").replace("*", ""), text.count("*")
    name = name.strip()
    if name in HANDLES or name == "void":
        kinds = {1: ctypes.c_void_p, 2: POINTER(ctypes.c_void_p)}
        return kinds[stars] if stars else SCALARS[name]
    if name == "char" and stars:
        return {1: ctypes.c_char_p}[stars]
    return POINTER(scalar(name)) if stars else scalar(name)


def declaration(text):
    """(name, type) of "int64_t shape[4]" or "const rnn_model *model"."""
    kind, name, length = re.fullmatch(r"(.*?)(\w+)(?:\[(\d+)\])?", text.strip(), re.DOTALL).groups()
    found = ctype(kind)
    return name, found * int(length) if length else found


def fields(body):
    """The fields of a struct; "double beta1, beta2" is two."""
    result = []
    for line in filter(None, map(str.strip, body.split(";"))):
        first, *others = line.split(",")
        name, kind = declaration(first)
        result += [(name, kind)] + [(other.strip(), kind) for other in others]
    return result


def enumerators():
    for body, _ in ENUMS:
        value = -1
        for entry in filter(None, map(str.strip, body.split(","))):
            name, _, number = map(str.strip, entry.partition("="))
            value = int(number) if number else value + 1
            yield name, value


def test_the_parser_sees_the_whole_header():
    assert len(FUNCTIONS) == HEADER.count(");\n") == len(re.findall(r"\brnn_\w+\(", HEADER)) >= 39
    assert HEADER.count("typedef") == len(ENUMS) + len(STRUCTS) + len(HANDLES)
    assert len(STRUCTS) == len(_c_types.Sized.__subclasses__()) + 3


@pytest.mark.parametrize("result, name, arguments", FUNCTIONS, ids=[f[1] for f in FUNCTIONS])
def test_function_is_declared_as_in_the_header(result, name, arguments):
    restype, argtypes = _c_api.FUNCTIONS[name]
    expected = [] if arguments == "void" else [declaration(a)[1] for a in arguments.split(",")]
    assert restype is ctype(result)
    assert list(argtypes) == expected
    function = getattr(_c_api.lib, name)
    assert function.restype is restype and list(function.argtypes) == expected


def test_every_declared_function_is_in_the_header():
    assert sorted(_c_api.FUNCTIONS) == sorted(name for _, name, _ in FUNCTIONS)


def test_enumerators_have_the_values_of_the_header():
    values = dict(enumerators())
    assert len(values) >= 40
    assert {name: getattr(_c_types, name) for name in values} == values


def test_every_constant_is_in_the_header():
    defines = dict(re.findall(r"#define (RNN_\w+) \(?(-?[\d.]+)\)?\n", HEADER))
    known = dict(enumerators()) | {name: float(value) for name, value in defines.items()}
    ours = {name: value for name, value in vars(_c_types).items() if name.startswith("RNN_")}
    assert ours == {name: known.get(name) for name in ours}
    assert {"RNN_ZERO", "RNN_VERSION_MAJOR", "RNN_VERSION_MINOR", "RNN_VERSION_PATCH"} <= set(ours)


@pytest.mark.parametrize("body, struct", STRUCTS, ids=[s[1] for s in STRUCTS])
def test_struct_has_the_fields_of_the_header(body, struct):
    assert list(python_class(struct)._fields_) == fields(body)


def test_library_exports_what_the_header_declares_and_nothing_else():
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", _c_api.lib._name], capture_output=True, text=True, check=True
    )
    exported = {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}
    assert exported == {name for _, name, _ in FUNCTIONS}


def test_versions_agree():
    numbers = dict(re.findall(r"#define RNN_VERSION_(MAJOR|MINOR|PATCH) (\d+)", HEADER))
    text = f"{numbers['MAJOR']}.{numbers['MINOR']}.{numbers['PATCH']}"
    manifest = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
    assert librnn.__version__ == text
    assert f'version = "{text}"' in manifest
