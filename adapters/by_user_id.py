"""Vendors that know people by one id of theirs, which is our `user_id` unless their block says otherwise."""

from adapters.contract import Answer, VendorIdentifiers, Verdict
from adapters.reading import read_block
from domain.outcomes import Reason
from domain.requests import Identifier, Subject


class UserIdentifiers(VendorIdentifiers):
    """A subject's block of such a vendor."""

    user_id: Identifier | None = None


def user_id_of(subject: Subject, vendor: str) -> str | Answer:
    """`vendors.<vendor>.user_id`, else `user_id`; or the answer where neither is given."""
    known = read_block(subject, vendor, UserIdentifiers)
    if known is None:
        return Answer(Verdict.USER, Reason.REJECTED)
    return known.user_id or subject.get("user_id") or Answer(Verdict.UNREACHABLE, Reason.NO_IDENTIFIER)


def known_by_user_id(key: str) -> frozenset[tuple[str, str]]:
    """For `Adapter.known_by`: the user id alone."""
    return frozenset({("user_id", key)})
