"""Tells the ledger which answers vendors gave this process, once a second and only where there were any."""

from collections import defaultdict
from collections.abc import Mapping

from adapters.answer_counts import News
from ledger.delivery.traffic import note_answers
from ledger.session import Engine
from tasks.toolbox import Route


class AnswerNotes:
    """What was not told yet, of all routes of a process."""

    def __init__(self, engine: Engine, routes: Mapping[str, Route]) -> None:
        self._engine, self._routes = engine, routes
        self._news: defaultdict[str, News] = defaultdict(News)

    def note(self) -> None:
        """Tell it. What the ledger does not take is told with the next."""
        fresh = {name: self._news[name].of(route.exchange.counts) for name, route in self._routes.items()}
        rows = [
            {"vendor": name, **sort._asdict(), **count._asdict()}
            for name, counts in sorted(fresh.items())
            for sort, count in sorted(counts.items())
        ]
        if not rows:
            return
        with self._engine.begin() as connection:
            note_answers(connection, rows)
        for name, counts in fresh.items():
            self._news[name].told(counts)
