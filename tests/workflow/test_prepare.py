"""From files and tables to training and test data."""

import bz2
import gzip

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")

from houses import csv_text, prepared, table  # noqa: E402

from fastl1.exceptions import DataError  # noqa: E402
from fastl1.workflow.split import split_rows  # noqa: E402


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def arrow_table():
    columns = table()
    return pa.table(columns)


def write_zst(path, data):
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(data)


def test_every_table_format_gives_the_same_data(tmp_path):
    feather = pytest.importorskip("pyarrow.feather")
    parquet = pytest.importorskip("pyarrow.parquet")
    text = csv_text(table()).encode()
    write(tmp_path / "a.csv", text)
    write(tmp_path / "b.tsv", csv_text(table(), "\t"))
    write(tmp_path / "c.csv", csv_text(table(), ";"))
    write(tmp_path / "d.csv.gz", gzip.compress(text))
    write(tmp_path / "e.csv.bz2", bz2.compress(text))
    write_zst(tmp_path / "f.csv.zst", text)
    write(tmp_path / "g.csv", b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    parquet.write_table(arrow_table(), tmp_path / "h.parquet")
    feather.write_feather(arrow_table(), tmp_path / "i.feather")
    with (
        pa.OSFile(str(tmp_path / "j.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, arrow_table().schema) as writer,
    ):
        writer.write_table(arrow_table())
    write(tmp_path / "nameless", (tmp_path / "h.parquet").read_bytes())
    expected = None
    for file in sorted(tmp_path.iterdir()):
        data = prepared(file, target="price", drop=("dear",))
        got = (
            data.treatment.to_dict()["columns"],
            data.y.tolist(),
            data.X_train.tolist(),
        )
        expected = expected or got
        assert got == expected, file.name


def test_split_rows():
    y = np.repeat([0.0, 1.0], [90, 10])
    train, test = split_rows(100, 0.2, 0, y)
    assert (len(test), y[test].sum()) == (20, 2)
    assert sorted([*train, *test]) == list(range(100))
    again = split_rows(100, 0.2, 0, y)[1]
    assert (again == test).all()
    assert (split_rows(100, 0.2, 1, y)[1] != test).any()
    with pytest.raises(DataError, match="too few"):
        split_rows(2, 0.1, 0)
    with pytest.raises(DataError, match="too few different groups"):
        split_rows(5, 0.9, 0, group=np.zeros(5))
