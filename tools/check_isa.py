"""Disassemble the extension modules: does any code leave its instruction-set level?

    python tools/check_isa.py WHEEL-OR-FOLDER

Every function belongs to the C file it was compiled from, which the symbol table of an
unstripped module names; level_v3.c and level_v4.c have their level and everything else
must run on any x86-64 CPU.  Also checked: a module exports PyInit_* only, and functions
are static unless named fl1_* (any other could be merged across levels by the linker).
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

# SSE3 and later, in the spelling of objdump; `tzcnt` is how it prints `rep bsf`, which
# runs everywhere.
NOT_BASELINE = re.compile(
    r"""^(?:v[a-z]|k(?:mov|and|or|xor|not|test|shift|unpck|add)
    |addsubp|haddp|hsubp|lddqu|mov(?:ddup|shdup|sldup)
    |pabs|palignr|phadd|phsub|pmaddubsw|pmulhrsw|pshufb|psign
    |blend|pblend|dpp[sd]|extractps|insertps|mpsadbw|packusdw|pcmpeqq|pextr[bdq]
    |pinsr[bdq]|phminpos|pm(?:ax|in)(?:sb|sd|ud|uw)|pmov[sz]x|pmuldq|pmulld|ptest
    |round[ps][sd]|pcmp[ei]str|pcmpgtq|crc32|popcnt|lzcnt|movbe
    |andn(?:[lq])?\b|bextr|bls(?:i|r|msk)|bzhi|mulx|pdep|pext\b|rorx|sarx|shlx|shrx
    |adcx|adox|rdrand|rdseed|aes|pclmul|sha[0-9]|gf2)""",
    re.VERBOSE,
)
# AVX-512 of any kind
NOT_V3 = re.compile(
    r"""zmm|%k[0-7]|[xy]mm(?:1[6-9]|2[0-9]|3[01])\b|\{1to|\{%k|\{z\}
    |^v(?:pternlog|permi2|permt2|p?compress|p?expand|align[dq]|rndscale|getexp|getmant
    |scalef|fixupimm|range|reduce|pabsq|pmullq|psraq|pm(?:ax|in)[su]q|pconflict|plzcnt
    |pror|prol|movdq[au](?:8|16|32|64)|(?:broadcast|extract|insert)[if](?:32|64)x
    |cvt\w*u(?:dq|qq)|cvt\w*qq|pdp|dpbf16|pmadd52)""",
    re.VERBOSE,
)
FORBIDDEN = {
    "baseline": lambda line: NOT_BASELINE.search(line) or NOT_V3.search(line),
    "v3": NOT_V3.search,
    "v4": lambda line: None,
}
# functions that link between C files: ours by their prefix, and the C run-time's
MAY_BE_SHARED = re.compile(r"fl1_|_init$|_fini$|__cpu_indicator_init$")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def functions(module):
    """{address: (level, name)} of all functions, and the names other files can link."""
    found, shared, source = {}, set(), ""
    lines = run("readelf", "--syms", "--wide", str(module)).splitlines()
    start = next(k for k, line in enumerate(lines) if "'.symtab'" in line)
    for line in lines[start:]:
        fields = line.split()
        if len(fields) < 7 or not fields[0].endswith(":"):
            continue
        name = fields[7] if len(fields) > 7 else ""
        if fields[3] == "FILE":
            source = name
        elif fields[3] == "FUNC" and fields[6] != "UND":
            level = re.fullmatch(r"level_(\w+)\.c", source)
            found[int(fields[1], 16)] = (level[1] if level else "baseline", name)
            # the linker lists what was not static last, under no file
            if not source and not MAY_BE_SHARED.match(name):
                shared.add(name)
    return found, shared


def check(module):
    """Print a summary; return the list of what is wrong."""
    try:
        found, shared = functions(module)
    except StopIteration:
        return [f"{module.name} is stripped: no symbol table to check with"]
    errors = []
    exported = run("nm", "-D", "--defined-only", str(module)).split()[2::3]
    init = f"PyInit_{module.name.split('.')[0]}"
    if exported != [init]:
        errors.append(f"exports {exported}, not {init} alone")
    errors += [f"{name} is not static" for name in sorted(shared - {init})]

    level, function = "baseline", "?"
    instructions, worse_than = Counter(), defaultdict(int)
    for line in run("objdump", "-d", "--no-show-raw-insn", str(module)).splitlines():
        if header := re.match(r"([0-9a-f]+) <(.*)>:$", line):
            level, function = found.get(int(header[1], 16), ("baseline", header[2]))
        elif code := re.match(r"\s+[0-9a-f]+:\t(\S.*)", line):
            instructions[level] += 1
            for other, forbidden in FORBIDDEN.items():
                worse_than[level, other] += bool(forbidden(code[1]))
            if FORBIDDEN[level](code[1]):
                errors.append(f"{function} ({level}): {code[1].strip()}")
    # the check must be able to fail: each level has what the one below may not have
    for higher, lower in (("v3", "baseline"), ("v4", "v3")):
        if instructions[higher] and not worse_than[higher, lower]:
            errors.append(f"no instruction of {higher} is above {lower}")
    counts = ", ".join(f"{n} {level}" for level, n in sorted(instructions.items()))
    print(f"{module.name}: {len(found)} functions, instructions: {counts}")
    return errors


def main():
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as tmp:
        if target.suffix == ".whl":
            zipfile.ZipFile(target).extractall(tmp)
            target = Path(tmp)
        modules = sorted(target.rglob("*.so"))
        if not any(module.name.startswith("_runtime.") for module in modules):
            sys.exit(f"no extension modules found in {sys.argv[1]}")
        errors = {module.name: check(module) for module in modules}
    for name, found in errors.items():
        for error in found[:20]:
            print(f"{name}: {error}", file=sys.stderr)
    sys.exit(any(errors.values()))


if __name__ == "__main__":
    main()
