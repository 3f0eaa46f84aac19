"""Files in Microsoft's compound format: old Office documents, and new ones with a password."""

from intake.files.encodings import Source, UnreadableError

_STREAMS = (
    (
        "EncryptedPackage",
        "is a workbook or document with a password: take the password off, save it, and submit it again",
    ),
    ("Workbook", "is an Excel workbook of the 1990s (.xls); save it as an Excel workbook (.xlsx) or as CSV UTF-8"),
    ("Book", "is an Excel workbook of the 1990s (.xls); save it as an Excel workbook (.xlsx) or as CSV UTF-8"),
    ("WordDocument", "is a Word document; give the people as a workbook (.xlsx, .ods), CSV or JSON"),
    ("PowerPoint Document", "is a presentation; give the people as a workbook (.xlsx, .ods), CSV or JSON"),
    ("__properties", "is an Outlook message; give the people as a workbook (.xlsx, .ods), CSV or JSON"),
)
"""By the name of a stream in the file's directory; the first that is there decides."""
OTHER = "is an old Microsoft Office file; save it as an Excel workbook (.xlsx) or as CSV UTF-8"
PIECE = 65_536


def refuse(file: Source, most: int) -> None:
    """Raise UnreadableError with what the file is; no more than `most` bytes of it are looked at."""
    there: set[str] = set()
    before, read = b"", 0
    while read < most and (piece := file.read(PIECE)):
        read += len(piece)
        text = before + piece
        there.update(name for name, _ in _STREAMS if name.encode("utf-16-le") in text)
        before = text[-64:]
    raise UnreadableError(next((problem for name, problem in _STREAMS if name in there), OTHER))
