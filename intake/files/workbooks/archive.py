"""What a zip file holds, told by its directory before anything of it is unpacked."""

import zipfile
from collections.abc import Callable, Collection

PASSWORD, DAMAGED, TOO_LARGE = "password", "damaged", "too_large"
MOST_PARTS = 20_000
ENCRYPTED = 0x1

_KINDS: tuple[tuple[str, Callable[[Collection[str]], bool]], ...] = (
    ("xlsb", lambda names: "xl/workbook.bin" in names),
    ("xlsx", lambda names: "xl/workbook.xml" in names or any(name.startswith("xl/worksheets/") for name in names)),
    ("docx", lambda names: any(name.startswith("word/") for name in names)),
    ("pptx", lambda names: any(name.startswith("ppt/") for name in names)),
    ("numbers", lambda names: "Index.zip" in names or any(name.endswith(".iwa") for name in names)),
)


class NoWorkbookError(Exception):
    """This zip file cannot be read as a workbook; `code` says why, for the parent to put into words."""

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.code, self.more = code, more


def kind_of(archive: zipfile.ZipFile, most: int) -> str:
    """`xlsx` or `ods`. Raises NoWorkbookError for everything else, and for what would unpack to more than `most`
    bytes."""
    parts = archive.infolist()
    names = {part.filename for part in parts}
    kind = next((kind for kind, fits in _KINDS if fits(names)), None) or _open_document(archive, names)
    if any(part.flag_bits & ENCRYPTED for part in parts) or _is_encrypted_document(archive, names):
        raise NoWorkbookError(PASSWORD)
    if kind not in ("xlsx", "ods"):
        raise NoWorkbookError(kind)
    if sum(part.file_size for part in parts) > most or len(parts) > MOST_PARTS:
        raise NoWorkbookError(TOO_LARGE)
    return kind


def _open_document(archive: zipfile.ZipFile, names: Collection[str]) -> str:
    if "mimetype" not in names or archive.getinfo("mimetype").file_size > 200:
        return "zip"
    said = archive.read("mimetype").strip()
    if said.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return "ods"
    return "odt" if b"opendocument" in said else "zip"


def _is_encrypted_document(archive: zipfile.ZipFile, names: Collection[str]) -> bool:
    manifest = "META-INF/manifest.xml"
    if manifest not in names or archive.getinfo(manifest).file_size > 10_000_000:
        return False
    return b"encryption-data" in archive.read(manifest)
