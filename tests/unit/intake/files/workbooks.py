"""Workbooks made by hand: a zip file with the few parts that a program needs to read it."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"


class Raw(NamedTuple):
    """A cell that is no text: its value as the file holds it, its type (n, b, e, str), its style, and its formula."""

    value: str | None
    type: str = "n"
    style: int = 0
    formula: str | None = None


Cell = str | Raw | None
Rows = Sequence[Sequence[Cell]]
FORMATS = ("General", "00000", "dd/mm/yyyy", "0.00", '"K-"0', "000\\-0000", "0%", "#,##0", "@", "0000000000")
"""The styles of these workbooks, by number."""


def column(place: int) -> str:
    """The letters of a column, from 0."""
    return (column(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def xlsx(
    sheets: Mapping[str, Rows] | Rows, *, formats: Sequence[str] = FORMATS, more: Mapping[str, bytes] = {}
) -> bytes:
    """An Excel workbook."""
    named = sheets if isinstance(sheets, Mapping) else {"People": sheets}
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATED}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(named) + 1)
    )
    relations += f'<Relationship Id="rId0" Type="{RELATED}/styles" Target="styles.xml"/>'
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": _relations(f'<Relationship Id="r" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/>'),
        "xl/_rels/workbook.xml.rels": _relations(relations),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(named, start=1)
        )
        + "</sheets></workbook>",
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>'
        + "".join(f'<numFmt numFmtId="{164 + n}" formatCode="{escape(code)}"/>' for n, code in enumerate(formats))
        + "</numFmts><cellXfs>"
        + "".join(f'<xf numFmtId="{164 + n}" applyNumberFormat="1"/>' for n in range(len(formats)))
        + "</cellXfs></styleSheet>",
    }
    for n, rows in enumerate(named.values(), start=1):
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{_rows(rows)}</sheetData></worksheet>'
        )
    return packed({name: text.encode() for name, text in parts.items()} | dict(more))


def _relations(inner: str) -> str:
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def _rows(rows: Rows) -> str:
    written = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(_cell(f"{column(place)}{number}", cell) for place, cell in enumerate(row) if cell is not None)
        written.append(f'<row r="{number}">{cells}</row>' if cells else "")
    return "".join(written)


def _cell(at: str, cell: str | Raw) -> str:
    if isinstance(cell, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    formula = f"<f>{escape(cell.formula)}</f>" if cell.formula is not None else ""
    value = f"<v>{escape(cell.value)}</v>" if cell.value is not None else ""
    return f'<c r="{at}" s="{cell.style}" t="{cell.type}">{formula}{value}</c>'


def ods(sheets: Mapping[str, Rows] | Rows, *, styles: str = "") -> bytes:
    """An OpenDocument workbook; `styles` goes into its automatic styles."""
    named = sheets if isinstance(sheets, Mapping) else {"People": sheets}
    tables = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in named.items()
    )
    spaces = " ".join(f'xmlns:{short}="{OFFICE}{name}:1.0"' for short, name in SPACES.items())
    content = (
        f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return packed({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content.encode()})


SPACES = {"office": "office", "table": "table", "text": "text", "number": "datastyle", "style": "style"}


def _ods_cell(cell: Cell) -> str:
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, str):
        return f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
    kinds = {"n": ("float", "value"), "b": ("boolean", "boolean-value"), "d": ("date", "date-value")}
    kind, attribute = kinds[cell.type]
    return (
        f'<table:table-cell office:value-type="{kind}" office:{attribute}="{cell.value}">'
        f"<text:p>{cell.value}</text:p></table:table-cell>"
    )


def packed(parts: Mapping[str, bytes]) -> bytes:
    """A zip file of these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else None)
    return file.getvalue()
