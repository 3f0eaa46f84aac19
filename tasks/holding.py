"""What one run counts against its vendor, and which steps are held for it, or the whole vendor."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.contract import Order, Probes
from domain.outcomes import Reason
from domain.requests import Kind
from ledger.delivery import steps, vendors
from ledger.session import Connection
from tasks.converse import Conversation
from tasks.evidence import Answered, Evidence
from tasks.judge import Judgement, in_doubt
from tasks.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holding:
    """For one run: what is known of the steps before judging, and what is counted against them afterwards."""

    run: Run

    def evidence(self, unsettled: Sequence[Answered], talk: Conversation) -> dict[str, Evidence]:
        """What is known of each step that some answer leaves in doubt."""
        if not unsettled:
            return {}
        with self.run.tools.engine.begin() as connection:
            known = steps.step_states(connection, self.run.lease.vendor_id)
        ours = {self._name(person.line) for one in unsettled for person in one.people}
        found: dict[str, Evidence] = {}
        for step in {one.step for one in unsettled}:
            results, state = talk.step_results[step], known.get(step)
            found[step] = Evidence(
                yes=results.yes,
                served=results.served,
                lately=state is not None and state.lately,
                good_at=state.good_at if state else 0.0,
                others_refused=len(state.refused - ours) if state else 0,
            )
        adapter = self.run.route.adapter
        doubted = in_doubt(unsettled, found, self.run.tools.hold_after)
        doubted &= adapter.vouches_for if isinstance(adapter, Probes) else set()
        if doubted and self.run.vouches():
            found |= {step: replace(found[step], vouched=True) for step in doubted}
        return found

    def _name(self, line: int) -> str:
        """A person's name in the record of a step."""
        return f"{self.run.lease.request_id}:{line}"

    def strike(self, connection: Connection, judgement: Judgement) -> list[tuple[str, Reason]]:
        """Record this run's strikes against the vendor and its steps; returns the newly held steps, and why."""
        held: list[tuple[str, Reason]] = []
        for step, strike in sorted(judgement.strikes.items()):
            if strike.reason is Reason.BAD_CREDENTIALS:
                self._hold_vendor(connection, strike.reason)
                continue
            limit = self.run.tools.hold_after
            weight = 0 if not strike.everybody else limit if strike.refused else 1
            if steps.strike(
                connection,
                self.run.lease.vendor_id,
                step,
                strike.reason,
                weight=weight,
                refused={self._name(line) for line in strike.refused},
                limit=limit,
                interval_s=self.run.tools.probe_after_s,
            ):
                held.append((step, strike.reason))
        return held

    def _hold_vendor(self, connection: Connection, reason: Reason) -> None:
        after_s = self.run.tools.probe_after_s
        held = vendors.strike(connection, self.run.lease.vendor_id, reason, limit=1, probe_after_s=after_s)
        if held and not self.run.lease.vendor_struck:
            log.error("%s is held: %s", self.run.lease.vendor, reason.value)

    def tell(self, newly_held: list[tuple[str, Reason]]) -> None:
        """Log newly held steps. Where a harmless call also fails, hold the whole vendor."""
        for step, reason in newly_held:
            if self._concerns_all(step) and not self.run.vouches():
                with self.run.tools.engine.begin() as connection:
                    steps.release(connection, self.run.lease.vendor_id, step)
                    self._hold_vendor(connection, reason)
            else:
                log.error("%s is held at %s: %s", self.run.lease.vendor, step, reason.value)

    def _concerns_all(self, step: str) -> bool:
        """Whether a failing harmless call would mean that no order can be carried out there."""
        adapter = self.run.route.adapter
        if not isinstance(adapter, Probes):
            return False
        return step not in adapter.vouches_for or all(step in adapter.steps(Order(kind)) for kind in Kind)
