"""Bytes and layouts of text files: encodings, delimiters, preambles, several files."""

import io
import json
import sys

import numpy as np
import pytest
from workbook import workbook

pytest.importorskip("pyarrow")

from fastl1.data.read import read_file
from fastl1.data.reading import Input, Reading, Text
from fastl1.exceptions import DataError

TEXT = "größe;stadt\n" + "".join(
    f"{k};{'Köln' if k % 2 else 'Ulm'}\n" for k in range(9)
)


def cells(table):
    """What a table holds, as lists by column."""
    return {
        name: raw.values.tolist() if raw.kind == "number" else raw.as_text().counts()
        for name, raw in table.items()
    }


def save(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be+", "utf-32-be+"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding, newline):
    mark = "\ufeff" if encoding.endswith("+") else ""
    text = mark + TEXT.replace("\n", newline)
    table = read_file(save(tmp_path / "a.csv", text, encoding.rstrip("+")))
    assert cells(table) == {
        "größe": list(range(9)),
        "stadt": {"Ulm": 5, "Köln": 4},
    }


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_other_encodings_are_named_and_given(tmp_path, encoding):
    text = TEXT.replace("Ulm", "Ulm €") if encoding == "cp1252" else TEXT
    file = save(tmp_path / "a.csv", text, encoding)
    with pytest.raises(
        DataError, match=r"line 1: the byte 0xf6 .* give encoding cp1252"
    ):
        read_file(file)
    table = read_file(file, reading=Reading(encoding=encoding))
    assert "größe" in table
    assert table["stadt"].labels[1] == "Köln"
    # as the training was
    later = read_file(file, known=table.reading)
    assert cells(later) == cells(table)
    assert any("as that of the training" in note for note in later.notes)


def test_a_cell_deep_in_the_file_is_named_by_its_line(tmp_path):
    text = "a,b\n" + "1,x\n" * 5000 + "2,é\n"
    file = save(tmp_path / "a.csv", text, "latin-1")
    with pytest.raises(DataError, match=r"line 5002: the byte 0xe9 .* '.*é"):
        read_file(file)


def test_utf_16_without_a_mark_is_named(tmp_path):
    file = save(tmp_path / "a.csv", TEXT, "utf-16-le")
    with pytest.raises(DataError, match="give encoding utf-16-le"):
        read_file(file)
    assert "größe" in read_file(file, reading=Reading(encoding="utf-16-le"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_every_text_format_has_encodings(tmp_path, encoding):
    given = Reading(encoding="cp1252") if encoding == "cp1252" else None
    svm = save(tmp_path / "a.svm", "1 1:2 # é\n0 2:3\n", encoding)
    assert read_file(svm, reading=given).X.toarray().tolist() == [[2, 0], [0, 3]]
    lines = '{"ä": 1, "t": "é"}\n{"ä": 2, "t": null}\n'
    table = read_file(save(tmp_path / "a.jsonl", lines, encoding), reading=given)
    assert cells(table) == {"ä": [1, 2], "t": {"é": 1}}


def test_text_in_pieces_is_the_same_text():
    text = "aé€😀\r\n" * 50
    for encoding in ("utf-8", "utf-16", "utf-32", "latin-1"):
        data = text.encode(encoding, "ignore")
        for size in (1, 3, 7, 64):
            stream = Text(io.BytesIO(data), encoding)
            parts = []
            while part := stream.read(size):
                parts.append(part)
            assert b"".join(parts).decode() == data.decode(encoding)
            assert all(len(part) == size for part in parts[:-1])


LAYOUTS = {
    "comma": "a,b,c\n1,2.5,x\n3,4.5,y\n",
    "sep": "sep=;\na;b;c\n1;2.5;x\n3;4.5;y\n",
    "sep tab": '"sep=\t"\na\tb\tc\n1\t2.5\tx\n3\t4.5\ty\n',
    "blank first": "\n\na,b,c\n1,2.5,x\n3,4.5,y\n",
    "comments": "# made by hand, today\n#\na|b|c\n1|2.5|x\n# a word\n3|4.5|y\n",
    "header in a comment": "## v1\n#a\tb\tc\n1\t2.5\tx\n3\t4.5\ty\n",
    "row names of R": '"a","b","c"\n"r1",1,2.5,"x"\n"r2",3,4.5,"y"\n',
    "R with blanks": '"a" "b" "c"\n"r1" 1 2.5 "x"\n"r2" 3 4.5 "y"\n',
    "blanks": "a   b c\n1 2.5  x\n 3   4.5 y\n",
    "fixed": "a   b    c   d\n1   2.5  x   7\n3   4.5  y    \n",
    "quoted": 'a;b;c\r\n"1";"2.5";"x"\r\n"3";"4.5";"y"\r\n',
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    got = cells(read_file(save(tmp_path / "a.txt", LAYOUTS[layout])))
    got.pop("d", None)
    assert got == {"a": [1, 3], "b": [2.5, 4.5], "c": {"x": 1, "y": 1}}


def test_delimiters_in_quoted_names(tmp_path):
    text = '"a, the first, of all";"b,c"\n1;2\n3;4\n'
    table = read_file(save(tmp_path / "a.csv", text))
    assert list(table) == ["a, the first, of all", "b,c"]
    text = '"x;y;z",w\n1,2\n'
    assert list(read_file(save(tmp_path / "b.csv", text))) == ["x;y;z", "w"]


def test_delimiters_by_word(tmp_path):
    file = save(tmp_path / "a.csv", "a,b\tc\n1,2\t3\n")
    for word in ("tab", "\t", "\\t"):
        assert list(read_file(file, reading=Reading(delimiter=word))) == ["a,b", "c"]


def test_a_line_after_a_preamble_is_named_as_in_the_file(tmp_path):
    file = save(tmp_path / "a.csv", "sep=;\n\na;b\n1;2\n3;4\n5;6;7\n")
    with pytest.raises(DataError, match="line 6: the header has 2 fields, this line 3"):
        read_file(file)


# --- other formats -----------------------------------------------------------------


def test_workbooks(tmp_path):
    pytest.importorskip("python_calamine")
    rows = [["n", "f", "t"], [1.0, 0.5, "NA"], [2.0, None, "x"], [3.0, 1.5, None]]
    table = read_file(workbook(tmp_path / "a.xlsx", rows))
    assert str(table.columns["n"].type) == "int64"
    assert table["n"].values.tolist() == [1, 2, 3]
    assert np.isnan(table["f"].values).tolist() == [False, True, False]
    assert table["t"].labels == ["NA", "x"]


def test_several_files_are_one(tmp_path):
    save(tmp_path / "a1.csv", "x,y,t\n1,2.5,a\n2,3,b\n")
    save(tmp_path / "a2.csv", "y,x,t\n1,0.5,1\n,3,2\n")
    for path in (tmp_path / "a*.csv", [tmp_path / "a1.csv", tmp_path / "a2.csv"]):
        table = read_file(path)
        assert table["x"].values.tolist() == [1, 2, 0.5, 3]
        assert table["t"].labels == ["a", "b", "1", "2"]
    save(tmp_path / "a3.csv", "x,y\n1,2\n")
    with pytest.raises(DataError, match=r"a3.csv: the columns are not those of .*'t'"):
        read_file(tmp_path / "a*.csv")


def test_marks_of_numbers_hold_for_all_files(tmp_path):
    save(tmp_path / "a1.csv", "x;y\n1,5;2\n2,25;3\n")
    save(tmp_path / "a2.csv", "x;y\n46.074;4\n12.000;5\n")
    table = read_file(tmp_path / "a*.csv")
    from fastl1.data.kinds import numbers

    assert numbers(table["x"]).tolist() == [1.5, 2.25, 46074, 12000]
    save(tmp_path / "a2.csv", "x;y\n46.07;4\n")
    with pytest.raises(DataError, match="unlike those of the files before"):
        read_file(tmp_path / "a*.csv")


def test_standard_input(monkeypatch):
    data = json.dumps({"x": 1, "t": "a"}).encode() + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    source = Input("-")
    assert read_file(source)["x"].values.tolist() == [1]
    assert read_file(source, format="jsonl")["t"].labels == ["a"]
    with pytest.raises(DataError, match="the standard input: the file is empty"):
        read_file("-")
