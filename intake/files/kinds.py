"""What a file is, told by its first bytes and never by its name; and what to do about one that cannot be read."""

import re

AS_XLSX = "save it as an Excel workbook (.xlsx) or as CSV UTF-8"
UNPACK = "take the file of people out of it, and submit that"
NOT_PEOPLE = "give the file of people itself: CSV, .xlsx, .ods or JSON"

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb"\x09[\x00\x02\x04\x08]..", f"is an Excel workbook of the 1990s (.xls); {AS_XLSX}"),
    (rb"%PDF-", f"is a PDF; {AS_XLSX} in the program that it comes from"),
    (rb"%!PS", f"is a PostScript file; {AS_XLSX} in the program that it comes from"),
    (rb"PAR1[^ -~]", "is a Parquet file; save it as CSV UTF-8 or NDJSON"),
    (rb"Obj\x01", "is an Avro file; save it as CSV UTF-8 or NDJSON"),
    (rb"ORC[^ -~]", "is an ORC file; save it as CSV UTF-8 or NDJSON"),
    (rb"ARROW1\0|FEA1[^ -~]", "is an Arrow file; save it as CSV UTF-8 or NDJSON"),
    (rb"SQLite format 3\0", "is an SQLite database; save the table of people as CSV UTF-8"),
    (
        rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|BM.{4}\0\0\0\0|RIFF.{4}WEBP|\0\0\0.ftyp",
        f"is an image or a film; {NOT_PEOPLE}",
    ),
    (
        rb"7z\xbc\xaf\x27\x1c|Rar!\x1a|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18",
        f"is an archive; {UNPACK}",
    ),
    (rb"\x1f\x9d|\x1f\xa0", f"is an archive; {UNPACK}"),
    (rb"\{\\rtf", f"is a text of a word processor (RTF); {AS_XLSX}"),
    (rb"\x7fELF|MZ[^ -~]|\xca\xfe\xba\xbe", f"is a program; {NOT_PEOPLE}"),
)
_UTF32 = re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|\0\0\0[^\0]\0\0\0[^\0]|[^\0]\0\0\0[^\0]\0\0\0", re.DOTALL)
_TAR = slice(257, 262)
_BINARY = "is not text; save the people as CSV UTF-8, or as an Excel workbook (.xlsx)"
_CONTROLS = bytes({*range(32)} - set(b"\t\n\v\f\r\x1a"))

_TEXTS: tuple[tuple[str, str], ...] = (
    (
        r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|meta|body|table|style|div|script)\b",
        f"is a web page (HTML), whatever its name says; open it in Excel or LibreOffice, and {AS_XLSX}",
    ),
    (r"<\?xml.*urn:schemas-microsoft-com:office:spreadsheet", f"is an XML spreadsheet of Excel 2003; {AS_XLSX}"),
    (r"<\?xml.*opendocument", f"is a flat OpenDocument file; save it as .ods, or {AS_XLSX}"),
    (
        r"(?:<!--.*?-->\s*)*<(?:tr|td|th|p|h[1-6]|span|ul|ol|br|a|form|title|link|center|font)\b[^>]*>.*</?[a-z]",
        f"is a piece of a web page (HTML); open it in Excel or LibreOffice, and {AS_XLSX}",
    ),
    (r"<\?xml|<[a-z:]+ xmlns", f"is XML; {NOT_PEOPLE}"),
    (r"mime-version:|return-path:", f"is an e-mail or a web archive; {NOT_PEOPLE}"),
    (r"begin:vcard", f"is a file of contact cards (.vcf); import it into a spreadsheet, and {AS_XLSX}"),
    (r"id;p(?:wxl|calc)", f"is a SYLK spreadsheet (.slk); open it in Excel, and {AS_XLSX}"),
    (r"-----begin ", f"is a key or a sealed message; {NOT_PEOPLE}"),
)


def fault_of_bytes(head: bytes) -> str | None:
    """What a file is that begins so, where it is none that can be read, and what to do; None where it may be text."""
    if _UTF32.match(head):
        return "is UTF-32 text; save it as CSV UTF-8, or as an Excel workbook (.xlsx)"
    for pattern, problem in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            return problem
    return f"is an archive (tar); {UNPACK}" if head[_TAR] == b"ustar" else None


def fault_of_text(head: bytes) -> str | None:
    """The same of what is UTF-8 by now; None where it may be people."""
    if len(head.translate(None, _CONTROLS)) < 0.9 * len(head):
        return _BINARY
    start = head.decode(errors="replace").lstrip("\ufeff \t\r\n")
    for pattern, problem in _TEXTS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return problem
    return None
