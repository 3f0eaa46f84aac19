"""The suite asks for everything that a vendor's card promises, and for nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from adapters.card import Card
from adapters.conformance import Conformance, Sample
from adapters.contract import Authenticates, Probes, ReadsBack
from domain.requests import Kind
from tests.contract.plain import CARD, SAMPLE, STOPPED, Plain
from tests.table_rows import each_row


class TestPlain(Conformance):
    """A vendor without an opt-in and without a probe is a vendor."""

    sample = SAMPLE


def test_it_has_no_opt_in_and_no_second_interface() -> None:
    assert Kind.OPT_IN not in SAMPLE.kinds
    assert not isinstance(SAMPLE.make(), Probes | ReadsBack | Authenticates)


def suite_of(**changes: Any) -> Conformance:
    """The suite for a Plain whose card says something else."""

    class Otherwise(Plain):
        card: ClassVar[Card] = replace(CARD, **changes)

    return suite_for(replace(SAMPLE, adapter=Otherwise))


def suite_for(sample: Sample) -> Conformance:
    made: Conformance = type("Suite", (Conformance,), {"sample": sample})()
    return made


ALL_KINDS = MappingProxyType(dict.fromkeys(Kind, (STOPPED,)))
ERASURES = MappingProxyType({Kind.ERASURE: (STOPPED,)})


@each_row(
    ("changes", "check", "kinds"),
    [
        ({"operations": ALL_KINDS}, "test_a_vendor_that_says_yes_is_believed", [Kind.OPT_IN]),
        ({"operations": ERASURES}, "test_nothing_is_sent_of_a_kind_that_the_card_leaves_out", []),
        ({"found_by": ("email",)}, "test_somebody_is_found_by_the_fields_of_the_card_and_by_no_others", [Kind.ERASURE]),
        ({"work": replace(CARD.work, calls=1)}, "test_an_erasure_takes_as_many_calls_as_the_card_says", []),
        ({"credentials": ()}, "test_the_settings_that_the_card_names_are_there", []),
        ({"limits": ()}, "test_the_card_leaves_nothing_out", []),
        ({"operations": ALL_KINDS}, "test_something_is_recorded_of_every_kind", []),
    ],
)
def test_what_a_card_promises_and_the_adapter_does_not_keep_is_found(
    changes: Mapping[str, Any], check: str, kinds: list[Kind]
) -> None:
    getattr(suite_for(SAMPLE), check)(*[Kind.ERASURE for _ in kinds])
    with pytest.raises(AssertionError):
        getattr(suite_of(**changes), check)(*kinds)
