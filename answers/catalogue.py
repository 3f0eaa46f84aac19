"""The sentences of one language."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from answers.choices import Language


class Catalogue:
    """The messages of a language, by section and name."""

    def __init__(self, language: str, sections: Mapping[str, Mapping[str, Any]]) -> None:
        self.language = language
        self._sections = sections
        self._own = sections["language"]

    def messages(self) -> Iterator[tuple[str, str]]:
        """Every message, by `section.name`."""
        for section, named in self._sections.items():
            for name, text in named.items():
                if isinstance(text, str):
                    yield f"{section}.{name}", text

    def has(self, section: str, name: str) -> bool:
        """Whether there is such a message."""
        return name in self._sections[section]

    def say(self, section: str, name: str, /, **values: str) -> str:
        """A message, filled in. Raises KeyError where the catalogue has none."""
        text: str = self._sections[section][name]
        return text.format_map(values) if values else text

    def say_or(self, section: str, name: str, otherwise: str) -> str:
        """A message; else a name as it is, where a newer program has recorded one that we have no word for."""
        return self.say(section, name) if self.has(section, name) else otherwise

    def day(self, at: datetime) -> str:
        """A date in UTC, as it is written in this language."""
        there = at.astimezone(UTC)
        month = self._own["months"][there.month - 1]
        return str(self._own["date"].format(day=there.day, month=month, year=there.year))

    def number(self, count: int) -> str:
        """With the separators of this language."""
        return f"{count:,}".replace(",", self._own["thousands"])

    def people(self, count: int) -> str:
        """So many people."""
        return self.say("people", "one" if count == 1 else "other", count=self.number(count))

    def joined(self, parts: Sequence[str]) -> str:
        """A list within a sentence."""
        return str(self._own["joined"]).join(parts)


@cache
def catalogue(language: Language) -> Catalogue:
    """The catalogue of a language."""
    text = (resources.files("answers.catalogues") / f"{language}.toml").read_text("utf-8")
    return Catalogue(language.value, tomllib.loads(text))
