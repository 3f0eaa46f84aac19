"""The lines of a check-up's report."""

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One line of the report. A fault names what to do."""

    about: str
    says: str
    is_good: bool = False
    do: str = ""

    def __str__(self) -> str:
        """What was found, and what to do."""
        return f"{self.says}: {self.do}" if self.do else self.says

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"about": self.about, "ok": self.is_good, "says": self.says, "do": self.do or None}


def parted(message: str, otherwise: str) -> tuple[str, str]:
    """What is wrong and what to do, of a message of the form "what: do"; `otherwise` where it names nothing to do."""
    says, _, do = message.partition(": ")
    return says, do or otherwise
