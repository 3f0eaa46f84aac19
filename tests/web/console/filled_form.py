"""The fields of a page's form as a browser would send them, unchanged."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self._id, self._inside = form_id, False
        self._select: str | None = None
        self._option: tuple[str | None, bool] | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("id") == self._id
        name = given.get("name")
        if not self._inside:
            return
        if tag == "input" and name and given.get("type") in {"checkbox", "radio"}:
            if "checked" in given:
                self.fields[name] = given.get("value") or "on"
        elif tag == "input" and name:
            self.fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._option = given.get("value"), "selected" in given
            if given.get("value") is not None:
                self._choose(given["value"] or "")

    def _choose(self, value: str) -> None:
        assert self._select
        assert self._option
        if self._option[1] or self._select not in self.fields:
            self.fields[self._select] = value

    def handle_data(self, data: str) -> None:
        if self._select and self._option and self._option[0] is None and data.strip():
            self._choose(data.strip())
            self._option = None

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "option":
            self._option = None
        elif tag == "form":
            self._inside = False


def filled(page: str, form_id: str = "draft") -> dict[str, str]:
    """By name, what the fields of this form of a page hold."""
    form = _Form(form_id)
    form.feed(page)
    return form.fields
