"""Gives people of a request what was missing: a fresh session, or an identifier by which a vendor finds them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from adapters.registry import adapter_named
from domain.accounts import meant_by
from domain.reach import Fields, completed, is_found
from domain.requests import Subject
from ledger.delivery.vendors import all_vendors
from ledger.desk import attention
from ledger.desk.deeds import LockedRequest
from ledger.desk.fresh_identifiers import Unreachable, Unreached, kind_of
from ledger.desk.fresh_sessions import Given, Waiting, data_key_of
from ledger.keys import fingerprinter
from ledger.people.prints import Prints
from ledger.sealing import MasterKeys
from ledger.session import Connection
from tasks.reach import fields_at
from tasks.subjects import fits_vendor

SESSION = "session_id"
"""The field that holds the session at every vendor with sessions."""
BATCH = 1_000
TOLD = 20


@dataclass
class Provision:
    """Gives what people bring to the deliveries that wait for it."""

    connection: Connection
    request: LockedRequest
    masters: MasterKeys
    faults: list[str] = field(default_factory=list)
    """What is wrong with the first unusable lines."""
    faulty: int = 0
    _lines: dict[str, set[int]] = field(default_factory=dict)
    _completed: set[int] = field(default_factory=set)

    def take(self, people: Iterable[Given]) -> dict[str, int]:
        """Send the deliveries of these people again; returns how many, by vendor. The caller rolls everything back
        where there are `faults`. Raises whatever `people` raises, ledger.sealing.UnsealError."""
        key = data_key_of(self.connection, self.request, self.masters)
        prints = Prints(fingerprinter(self.connection, self.masters))
        keeping = [name for name in self.request.vendors if keeps_sessions(name)]
        waiting = {name: Waiting(self.connection, self.request, name, key, prints) for name in keeping}
        unreachable = Unreachable(self.connection, self.request, key, prints)
        fields = self._fields()
        rest = iter(people)
        while batch := list(islice(rest, BATCH)):
            with_session = self._give_sessions(batch, waiting)
            self._give_identifiers(batch, unreachable, fields, with_session)
        if self.faulty:
            return {}
        unreachable.count_found(self._lines)
        again: dict[str, int] = {}
        for vendor, lines in sorted(self._lines.items()):
            again |= attention.reopen_lines(self.connection, self.request, self.request.vendors[vendor], sorted(lines))
        return again

    def _fields(self) -> Mapping[str, Fields]:
        mine = [one for one in all_vendors(self.connection) if one.name in self.request.vendors]
        return fields_at(mine, kind_of(self.connection, self.request))

    def _give_sessions(self, batch: Sequence[Given], waiting: Mapping[str, Waiting]) -> set[int]:
        """Store the sessions of this batch; returns the positions of the people with one."""
        used: set[int] = set()
        for vendor, those in waiting.items():
            fresh = [given for given in batch if _block(given, vendor).get(SESSION)]
            used |= {given.place for given in fresh}
            found = those.match(fresh) if fresh else {}
            blocks: dict[int, Any] = {}
            for given in fresh:
                lines = found.get(given.place, [])
                if not lines:
                    self._fault(given.place, f"nobody of these identifiers waits at {vendor}")
                elif self._lines.setdefault(vendor, set()).intersection(lines):
                    self._fault(given.place, f"gives a second session at {vendor} for one person")
                else:
                    self._lines[vendor].update(lines)
                    blocks.update(dict.fromkeys(lines, _block(given, vendor)))
            those.keep(blocks)
        return used

    def _give_identifiers(
        self, batch: Sequence[Given], unreachable: Unreachable, fields: Mapping[str, Fields], with_session: set[int]
    ) -> None:
        matched = unreachable.match(batch)
        people: dict[int, Subject] = {}
        for given in batch:
            of_place = matched.get(given.place, [])
            found = {one.line: self._now_found(one, given, fields) for one in of_place}
            if any(found.values()):
                if self._completed.intersection(found):
                    self._fault(given.place, "is a second line about one person")
                    continue
                self._completed.update(found)
                for one in of_place:
                    people[one.line] = _completed(one, given)
                    for vendor in found[one.line]:
                        self._lines.setdefault(vendor, set()).add(one.line)
            elif given.place not in with_session:
                self._fault(given.place, _nothing_new(fields) if of_place else self._nobody())
        unreachable.complete(people)

    def _now_found(self, one: Unreached, given: Given, fields: Mapping[str, Fields]) -> list[str]:
        whole = _completed(one, given)
        names = [name for name, id_ in self.request.vendors.items() if id_ in one.vendor_ids]
        return [name for name in names if name in fields and is_found(whole, fields[name]) and not keeps_sessions(name)]

    def _nobody(self) -> str:
        keeping = [f"vendors.{name}.{SESSION}" for name in self.request.vendors if keeps_sessions(name)]
        if keeping:
            return f"has no session: give {' or '.join(keeping)}; and nobody of these identifiers is unreachable"
        return "nobody of these identifiers is unreachable, and no vendor of this request takes a person's own session"

    def _fault(self, place: int, problem: str) -> None:
        self.faulty += 1
        if len(self.faults) < TOLD:
            self.faults.append(f"line {place}: {problem}")


def keeps_sessions(vendor: str) -> bool:
    """Whether the vendor needs a session of the person's own."""
    adapter = adapter_named(vendor)
    return adapter is not None and adapter.keeps_sessions


def _completed(one: Unreached, given: Given) -> Subject:
    kept_apart = filter(keeps_sessions, given.subject.get("vendors") or ())
    return completed(one.subject, given.subject, keep_out=kept_apart, fits=fits_vendor)


def _nothing_new(fields: Mapping[str, Fields]) -> str:
    missing = "; ".join(f"{' or '.join(its)} for {vendor}" for vendor, its in fields.items())
    return f"gives nothing by which these people are found where they were not: {missing}"


def _block(given: Given, vendor: str) -> Mapping[str, Any]:
    return meant_by(vendor, given.subject.get("vendors") or {}) or {}
