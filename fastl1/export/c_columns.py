"""The column treatment as C: a struct of raw columns → linear predictor.

A number's value, or its mean, and the indicator of a missing cell go to their slots; a
category finds its slot by bisection in a table of its levels, a hashed text by CRC-32
in the table of features.  Text is UTF-8 as `columns` has it, but for the blanks around
it, which are those of ASCII.
"""

from typing import NamedTuple

from fastl1.data.columns import ColumnInUse
from fastl1.data.kinds import Category, Hashed
from fastl1.export.c_text import block, members, remark, string


class Rows(NamedTuple):
    """What a model with raw columns has more: parts of the header and of the source."""

    header: str
    source: str


_HEADER = """
#include <math.h> /* NAN */

/* A row of raw columns.  Numbers (booleans as 1 and 0) are NAN when they are missing.
 * Text is UTF-8; {missing}.
 * Blanks around it are ignored; a text that was not there in training sets nothing. */
typedef struct {{
{members}
}} {name}_row;

/* a row whose cells are all missing; {{0}} would be one whose numbers are 0:
 *     {name}_row row = {macro}_ROW_MISSING;                                  */
#define {macro}_ROW_MISSING {{{initial}}}

void {name}_link_row(const {name}_row *row, double *out);
void {name}_predict_row(const {name}_row *row, double *out);
{classes}"""
_CLASS_HEADER = "long {name}_class_row(const {name}_row *row);\n"

_SOURCE = """
{helpers}
void {name}_link_row(const {name}_row *row, double *out) {{
    for (long k = 0; k < N_OUTPUTS; k++) out[k] = intercept[k];
{calls}}}

void {name}_predict_row(const {name}_row *row, double *out) {{
    {name}_link_row(row, out);
    respond(out);
}}
"""
_CLASS_SOURCE = """
long {name}_class_row(const {name}_row *row) {{
    double out[N_OUTPUTS];
    {name}_link_row(row, out);
    return choose(out);
}}
"""

_ADD_NUMBER = """\
/* slots are -1 where there is no coefficient */
static void add_number(double x, double mean, long value, long missing, double *out) {
    if (x != x) {
        if (missing >= 0) add_slot(missing, 1.0, out);
        x = mean;
    }
    if (value >= 0) add_slot(value, x, out);
}
"""
_TEXT = """\
typedef struct {{
    const char *text;
    long slot;
}} level;

static int is_blank(char c) {{
    return c == ' ' || (c >= '\\t' && c <= '\\r') || (c >= '\\034' && c <= '\\037');
}}

/* the text without blanks around it */
static const char *strip(const char *text, long *length) {{
    long n = 0;
    if (text) {{
        while (is_blank(*text)) text++;
        while (text[n]) n++;
        while (n && is_blank(text[n - 1])) n--;
    }}
    *length = n;
    return text;
}}

static const level *find_level(const level *table, long count, const char *text,
    long length) {{
    long low = 0, high = count;
    while (low < high) {{
        long middle = low + (high - low) / 2, i = 0;
        const char *other = table[middle].text;
        while (i < length && text[i] == other[i]) i++;
        if (i == length && !other[i]) return table + middle;
        if (i < length && (unsigned char)other[i] < (unsigned char)text[i])
            low = middle + 1;
        else high = middle;
    }}
    return 0;
}}

{missing}
"""
_MISSING = """/* sorted by their bytes */
{table}
static int is_missing(const char *text, long length) {{
    return !length || find_level(missing_texts, {count}, text, length);
}}"""
_NULL_ONLY = """static int is_missing(const char *text, long length) {
    (void)text;
    return !length;
}"""
_ADD_CATEGORY = """\
static void add_category(const char *text, const level *table, long count, long missing,
    double *out) {
    long length, slot = missing;
    const level *found;
    text = strip(text, &length);
    found = text ? find_level(table, count, text, length) : 0;
    if (found) slot = found->slot;
    else if (!is_missing(text, length)) slot = -1;
    if (slot >= 0) add_slot(slot, 1.0, out);
}
"""
_ADD_HASHED = """\
/* start is the first of size features, and perhaps one for what is missing */
static void add_hashed(const char *text, {name}_index start, long size, int missing,
    double *out) {{
    long length, slot, place = size;
    unsigned long crc = 0xFFFFFFFFUL;
    text = strip(text, &length);
    if (!is_missing(text, length)) {{
        for (long i = 0; i < length; i++) {{
            crc ^= (unsigned char)text[i];
            for (int bit = 0; bit < 8; bit++)
                crc = crc & 1 ? crc >> 1 ^ 0xEDB88320UL : crc >> 1;
        }}
        place = (long)((crc ^ 0xFFFFFFFFUL) % (unsigned long)size);
    }} else if (!missing) return;
    slot = find_slot(start + ({name}_index)place);
    if (slot >= 0) add_slot(slot, 1.0, out);
}}
"""


def rows(used: list[ColumnInUse], name: str, classes: bool) -> Rows:
    """The struct and the functions that take it.

    Parameters
    ----------
    used : list of ColumnInUse
    name : str
        What all names begin with.
    classes : bool
        Whether the model has labels.
    """
    fields = members(one.column.name for one in used)
    declared: list[str] = []
    initial: list[str] = []
    calls: list[str] = []
    tables: list[str] = []
    for k, (one, field) in enumerate(zip(used, fields, strict=True)):
        column, start, slots, _ = one
        kind = "double " if not _is_text(column) else "const char *"
        initial.append("0" if _is_text(column) else "NAN")
        declared.append(
            f"    {kind}{field}; /* {column.kind}: {remark(column.name)} */"
        )
        if isinstance(column, Hashed):
            given = f"{start}, {column.size}, {int(bool(column.missing))}"
            calls.append(f"    add_hashed(row->{field}, {given}, out);\n")
        elif isinstance(column, Category):
            table, count = f"levels_{k}", _levels(tables, k, one)
            missing = slots.get(len(column.levels), -1)
            given = f"{table if count else '0'}, {count}, {missing}"
            calls.append(f"    add_category(row->{field}, {given}, out);\n")
        else:
            given = f"{column.mean!r}, {slots.get(0, -1)}, {slots.get(1, -1)}"
            calls.append(f"    add_number(row->{field}, {given}, out);\n")
    header, source = _HEADER, _SOURCE
    if classes:
        source += _CLASS_SOURCE
    return Rows(
        header.format(
            name=name,
            macro=name.upper(),
            members="\n".join(declared),
            initial=", ".join(initial),
            missing=_told(used),
            classes=_CLASS_HEADER.format(name=name) if classes else "",
        ),
        source.format(
            name=name,
            helpers="\n".join([*_helpers(used, name), *tables]),
            calls="".join(calls),
        ),
    )


def _is_text(column):
    return isinstance(column, Category | Hashed)


def _missing(used):
    """Texts that stand for missing in some column, but for the empty one, sorted."""
    texts = set().union(*(one.na for one in used)) - {""}
    return sorted(texts, key=str.encode)


def _told(used):
    """When text is missing, in words."""
    texts = [remark(text) for text in _missing(used)]
    if not texts:
        return "it is missing when it is NULL or empty"
    return f"it is missing when it is NULL, empty or one of\n * {', '.join(texts)}"


def _helpers(used, name):
    kinds = {type(one.column) for one in used}
    if not kinds <= {Category, Hashed}:
        yield _ADD_NUMBER
    if kinds & {Category, Hashed}:
        items = [f"{{{string(text)}, 0}}" for text in _missing(used)]
        missing = _NULL_ONLY
        if items:
            table = block(f"static const level missing_texts[{len(items)}]", items)
            missing = _MISSING.format(table=table, count=len(items))
        yield _TEXT.format(missing=missing)
    if Category in kinds:
        yield _ADD_CATEGORY
    if Hashed in kinds:
        yield _ADD_HASHED.format(name=name)


def _levels(tables, k, one):
    """Adds the table of the levels with a slot; returns their number."""
    gaps = {"", *_missing([one])}
    slots = {level: one.slots.get(j, -1) for j, level in enumerate(one.column.levels)}
    if one.column.reference is not None:
        slots[one.column.reference] = -1
    # levels without a slot count where they would be missing otherwise
    levels = [
        (level.encode(), slot)
        for level, slot in slots.items()
        if (slot >= 0 or level in gaps) and "\0" not in level  # no C string holds that
    ]
    if levels:
        items = [
            f"{{{string(text.decode())}, {slot}}}" for text, slot in sorted(levels)
        ]
        tables.append(block(f"static const level levels_{k}[{len(items)}]", items))
    return len(levels)
