"""An answer as a PDF, looked at by another library: what a screen reader needs (PDF/UA-1, ISO 14289-1) is there,
whatever is told and in every language."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise, product
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

from answers.choices import Form, Language, Reader
from answers.facts import Evidence, Facts
from answers.rendering import Style, render
from tests.table_rows import each_row
from tests.unit.answers.samples import MASKED, at, ended, facts

LOGGED = Evidence("shop.example/consent", 4711, "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=")
DONE = at("insider", ended("verified", "looked_up"))
TOLD: dict[str, Facts] = {
    "done for one person": replace(facts(DONE, person=MASKED, line=2), evidence=LOGGED),
    "in part": facts(DONE, at("akinon", ended("unreachable", people=3)), at("dfinery", ended("exhausted", "timeout"))),
    "nothing yet": facts(at("algonomy", ended("pending"))),
    "many pages": facts(
        *(at(name, *(ended("refused", "rejected") for _ in range(9))) for name in ("insider", "b2core") * 4)
    ),
}
SHOWN = {"Tj", "TJ", "'", '"', "Do", "S", "s", "f", "F", "f*", "B", "B*", "b", "b*"}
"""Operators that put something on the page (ISO 32000-1, annex A)."""
HEADINGS = ("/H1", "/H2", "/H3", "/H4", "/H5", "/H6")


@each_row(("name", "language", "reader"), product(TOLD, Language, Reader), thinned=5)
def test_a_screen_reader_finds_its_way(name: str, language: Language, reader: Reader) -> None:
    told = TOLD[name]
    pdf = PdfReader(BytesIO(render(told, Style(reader, language, Form.PDF, "Shop GmbH"))))
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - a BooleanObject, which is no bool
    assert str(root["/Lang"]).partition("-")[0] == language.value
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712 - a BooleanObject, which is no bool
    assert pdf.metadata is not None
    assert pdf.metadata.title
    assert pdf.xmp_metadata is not None
    assert list(pdf.xmp_metadata.dc_title.values()) == [pdf.metadata.title]
    kids = list(elements(root["/StructTreeRoot"], root["/StructTreeRoot"].get("/RoleMap", {})))
    headings = [HEADINGS.index(role) + 1 for role, _ in kids if role in HEADINGS]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later <= before + 1 for before, later in pairwise(headings))
    for role, element in kids:
        if role == "/Table":
            check_table(element)
        if role in ("/Figure", "/Formula"):
            assert element.get("/Alt"), "a picture says what it shows"
    assert bool(told.evidence) == any(role == "/Figure" for role, _ in kids)
    for page in pdf.pages:
        assert page["/Tabs"] == "/S"
        assert outside_marks(pdf, page) == []


def test_what_is_not_marked_would_be_found() -> None:
    pdf = PdfReader(BytesIO(render(TOLD["nothing yet"], Style(form=Form.PDF))))
    page = pdf.pages[0]
    stream = ContentStream(page.get_contents(), pdf)
    stream.operations = [one for one in stream.operations if one[1] not in (b"BDC", b"BMC", b"EMC")]
    assert {"Tj", "TJ"} & set(outside(stream))


def elements(node: Any, roles: Any) -> Iterator[tuple[str, Any]]:
    """The elements of a structure tree in reading order, each with its standard role."""
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        element = kid.get_object()
        if isinstance(element, dict) and "/S" in element:
            yield str(roles.get(element["/S"], element["/S"])), element
            yield from elements(element, roles)


def check_table(table: Any) -> None:
    """Every row has cells and the same number of them, and there are heads that say what they are the head of."""
    rows = [element for role, element in elements(table, {}) if role == "/TR"]
    cells = [[(role, one) for role, one in elements(row, {}) if role in ("/TH", "/TD")] for row in rows]
    assert cells
    assert len({len(row) for row in cells}) == 1
    heads = [one for row in cells for role, one in row if role == "/TH"]
    assert heads
    for head in heads:
        attributes = head.get("/A", {})
        listed = attributes if isinstance(attributes, list) else [attributes]
        assert any(one.get_object().get("/Scope") for one in listed)


def outside_marks(pdf: PdfReader, page: PageObject) -> list[str]:
    """What a page shows that is neither part of the structure nor named an artifact."""
    contents = page.get_contents()
    assert contents is not None
    return outside(ContentStream(contents, pdf))


def outside(stream: ContentStream) -> list[str]:
    """The same of a stream of operators."""
    depth, found = 0, []
    for _, operator in stream.operations:
        name = operator.decode()
        depth += (name in ("BDC", "BMC")) - (name == "EMC")
        if name in SHOWN and not depth:
            found.append(name)
    return found
