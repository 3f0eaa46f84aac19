"""Every setting, from environment variables that begin with CONSENT_."""

import os
from typing import Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from adapters.contract import Adapter, VendorSettings
from adapters.egress import Egress, Exceptions, Proxy
from adapters.portions import EXPRESS, most_out
from adapters.registry import ADAPTERS, PLUG_INS, create
from config.accounts import AccountsError, variables_of
from config.fields import block_of, fault_text, unparsable
from config.manual import faults_in as manual_faults
from config.retention import misspelled
from config.setting_fields import SettingFields
from config.vendors import with_vendors
from domain.by_hand import ByHand
from domain.deadlines import Deadlines
from domain.requests import Kind

PREFIX = "CONSENT_"
THREADS_TO_SPARE = 4
"""A worker's threads for dispatching, settling, notifying and asking the directory."""
LEAST_LEFT_S = 2.0
"""How much longer than a call a lease must be: it is renewed every second, and calls begin in between."""
UNINSTALL = "Nothing starts beside such a package: uninstall it, or install a version of it that fits."


class SettingsError(Exception):
    """The environment cannot be used as it is. Each line of the message names a variable and what is wrong with it."""


@with_vendors
class Settings(SettingFields):
    """All settings; a vendor is switched on by its required ones."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    @classmethod
    def load(cls) -> Self:
        """The settings of this process's environment. Raises SettingsError."""
        cls._refuse_plug_ins()
        if wrong := misspelled(os.environ, PREFIX):
            raise SettingsError("\n".join(wrong)) from None
        try:
            settings = cls()
        except ValidationError as error:
            faults = error.errors(include_input=False)
            raise SettingsError("\n".join(fault_text(cls, PREFIX, fault) for fault in faults)) from None
        except SourceError as error:  # before any field is validated; its cause holds the value
            raise SettingsError(unparsable(PREFIX, error)) from None
        try:
            settings._read_accounts(PREFIX)
        except AccountsError as error:
            raise SettingsError("\n".join(error.faults)) from None
        if wrong := manual_faults(settings.manual, {*ADAPTERS, *cls.model_fields}, PREFIX):
            raise SettingsError("\n".join(wrong)) from None
        settings._refuse_too_few_threads()
        settings._refuse_long_calls()
        return settings.model_copy(update={"worker_threads": settings.threads()})

    @classmethod
    def _refuse_plug_ins(cls) -> None:
        """Nothing starts while a plug-in cannot be used: which vendors a request reaches must not depend on chance."""
        fields = cls.model_fields
        taken = [
            f"The vendor {name!r} of {adapter.__module__} is refused: a setting has this name."
            for name, adapter in ADAPTERS.items()
            if name not in fields or block_of(fields[name]) is not adapter.settings_model
        ]
        if refused := [*PLUG_INS.refused, *taken]:
            raise SettingsError("\n".join([*refused, UNINSTALL])) from None

    def threads(self) -> int:
        """Threads of a worker process: as set, or else as many as its vendors need."""
        return self.worker_threads or self._threads_needed()

    def _threads_needed(self) -> int:
        """Enough threads that a vendor whose chunks wait leaves some for the others, also where one worker has all
        chunks."""
        return sum(map(most_out, self.adapters().values())) + THREADS_TO_SPARE

    def _refuse_too_few_threads(self) -> None:
        needed = self._threads_needed()
        if self.threads() < needed:
            raise SettingsError(
                f"{PREFIX}WORKER_THREADS: must be {needed} or more, so that no vendor's chunks can take all of them "
                f"(CHUNKS_IN_FLIGHT of each vendor and {EXPRESS} more, and {THREADS_TO_SPARE} for everything else)"
            ) from None

    def _refuse_long_calls(self) -> None:
        """A call must end within its lease. Otherwise another worker would send the same while it is under way."""
        most_s = self.lease_s - LEAST_LEFT_S
        too_long = {
            name: adapter.settings.timeout_s
            for name, adapter in self.adapters().items()
            if adapter.settings.timeout_s > most_s
        }
        if too_long:
            raise SettingsError(
                "\n".join(
                    f"{variables_of(name, PREFIX)}TIMEOUT_S: must be {most_s:g} or less while {PREFIX}LEASE_S is "
                    f"{self.lease_s:g}, so that a call ends before its lease does; "
                    f"or set {PREFIX}LEASE_S to {timeout_s + LEAST_LEFT_S:g} or more"
                    for name, timeout_s in too_long.items()
                )
            ) from None

    def cool_off_s(self) -> dict[Kind, float]:
        """How long after receipt nothing is sent, by kind."""
        return {
            Kind.ERASURE: self.cool_off_erasure_s,
            Kind.OPT_OUT: self.cool_off_opt_out_s,
            Kind.OPT_IN: self.cool_off_opt_in_s,
        }

    def term_table(self) -> Deadlines:
        """The table of due dates with the operator's rows, and the default regulation."""
        rows = {
            (regulation, kind): row.term()
            for regulation, kinds in self.deadlines.items()
            for kind, row in kinds.items()
        }
        return Deadlines(self.regulation, rows)

    def egress(self) -> Egress:
        """How everything that we call is reached."""
        proxy = Proxy.parse(self.egress_proxy.get_secret_value()) if self.egress_proxy else None
        return Egress(proxy, Exceptions.parse(self.egress_exceptions), self.ca_bundle)

    def adapters(self) -> dict[str, Adapter]:
        """The adapters of the vendors that are switched on."""
        return {name: create(name, self._within_a_lease(block)) for name, block in self.vendors().items()}

    def recipients(self) -> dict[str, ByHand]:
        """The recipients without an API, whom people ask by hand."""
        return {name: one.by_hand() for name, one in self.manual.items()}

    def _within_a_lease(self, block: VendorSettings) -> VendorSettings:
        """Where a call's time-out is not set, it is at most half a lease."""
        if "timeout_s" in block.model_fields_set or block.timeout_s <= self.lease_s / 2:
            return block
        return block.model_copy(update={"timeout_s": self.lease_s / 2})
