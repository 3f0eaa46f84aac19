"""What a file is is told by its content; what cannot be read says what it is and what to do."""

import gzip
import io
import random

import pytest

from intake.files.hints import Hints
from intake.files.reader import UnusableInputError, read_people
from tests.table_rows import each_row

OTHERS: dict[str, tuple[bytes, str]] = {
    "BIFF of before OLE": (b"\x09\x08\x10\x00\x00\x06\x05\x00" + b"\0" * 500, "1990s"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
    "Parquet": (b"PAR1\x15\x04\x15" + b"\0" * 50, "Parquet"),
    "Avro": (b"Obj\x01\x04\x16avro.schema", "Avro"),
    "Arrow": (b"ARROW1\0\0\xff\xff", "Arrow"),
    "SQLite": (b"SQLite format 3\0\x10\0", "SQLite"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "image"),
    "GIF": (b"GIF89a\x01\0", "image"),
    "HEIC": (b"\0\0\0\x18ftypheic", "image"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "archive"),
    "bzip2": (b"BZh91AY&SY\x94", "archive"),
    "xz": (b"\xfd7zXZ\0\0\x04", "archive"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\0", "archive"),
    "tar": (b"people.csv".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 250, "tar"),
    "tar in gzip": (gzip.compress(b"people.csv".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 250), "tar"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"user_id\nu-7\n")), "archive"),
    "RTF": (b"{\\rtf1\\ansi user_id}", "RTF"),
    "HTML": (b"<!DOCTYPE html><html><table><tr><td>user_id", "HTML"),
    "HTML that calls itself .xls": (b'<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>', "HTML"),
    "a table alone": (b"\xef\xbb\xbf\r\n <TABLE border=1><tr><td>user_id</td></tr>", "HTML"),
    "rows of a table alone": (b"<tr>\n<td>user_id</td>\n<td>u-7</td></tr>", "HTML"),
    "a page that asks to sign in": (b'<p class="note">Please <a href="/login">sign in</a></p>', "HTML"),
    "HTML in UTF-16": ("<html><table><tr><td>user_id".encode("utf-16"), "HTML"),
    "Excel 2003 XML": (
        b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        "Excel 2003",
    ),
    "XML": (b'<?xml version="1.0"?><people/>', "XML"),
    "MHTML": (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "web archive"),
    "vCard": (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann", "vcf"),
    "SYLK": (b"ID;PWXL;N;E\r\nP;PGeneral\r\n", "SYLK"),
    "UTF-32": ("user_id\nu-7\n".encode("utf-32"), "UTF-32"),
    "UTF-32 without a mark": ("user_id\nu-7\n".encode("utf-32-le"), "UTF-32"),
    "UTF-32, the other way round": ("user_id\nu-7\n".encode("utf-32-be"), "UTF-32"),
    "binary": (bytes(random.Random(7).choices(range(1, 32), k=4_000)), "not text"),
    "Latin-1": ("user_id,email\nmüller,\n".encode("latin-1"), "CSV UTF-8"),
    "EUC-KR": ("회원번호,이메일\nu-7,\n".encode("euc-kr"), "CSV UTF-8"),
    "cp1254": ("Müşteri No\nu-7\n".encode("cp1254"), "CSV UTF-8"),
}


@each_row("name", OTHERS)
def test_what_is_no_file_of_people_says_what_it_is(name: str) -> None:
    data, words = OTHERS[name]
    with pytest.raises(UnusableInputError) as raised:
        list(read_people(io.BytesIO(data)))
    fault = raised.value.faults[0]
    assert (fault.line, words in fault.problem) == (1 if name != "Latin-1" else 2, True), fault
    assert any(do in fault.problem for do in ("save", "take", "give"))


@each_row("word", ["ORCID", "PAR1", "MZ-Nr", "BM", "Obj", "ID", "Rar!", "<b>", "<p>", "PK", "GIF"])
@each_row("separator", [",", ";"])
def test_a_header_that_begins_like_something_else_is_a_header(word: str, separator: str) -> None:
    table = f"{word}{separator}user_id\nx{separator}u-7\n".encode()
    assert list(read_people(io.BytesIO(table), hints=Hints(ignored=(word,)))) == [{"user_id": "u-7"}]
