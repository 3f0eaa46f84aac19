"""How a delivery ends: the closed set of outcomes, and why."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of one delivery (one person at one vendor). A delivery without one is pending."""

    ACCEPTED = "accepted"  # the vendor said yes; it was not, or cannot be, read back
    VERIFIED = "verified"  # read back and seen
    ABSENT = "absent"  # the vendor holds nothing of this person
    NOT_APPLICABLE = "not_applicable"  # no such operation there
    UNREACHABLE = "unreachable"  # we were given no identifier by which the vendor knows this person
    WITHHELD = "withheld"  # a legal hold keeps this person's data
    SUPERSEDED = "superseded"  # a newer request of this person made it moot
    REFUSED = "refused"  # the vendor will never take this one as submitted
    NEEDS_ACTION = "needs_action"  # someone must act first: a fresh session, an SMS code
    EXHAUSTED = "exhausted"  # still failing after the retry policy's attempts and age
    CANCELLED = "cancelled"  # withdrawn before it was sent


DONE = frozenset({Outcome.ACCEPTED, Outcome.VERIFIED, Outcome.ABSENT, Outcome.SUPERSEDED})
ATTENTION = frozenset({Outcome.REFUSED, Outcome.NEEDS_ACTION, Outcome.EXHAUSTED, Outcome.UNREACHABLE})
RETRIABLE = frozenset({Outcome.NEEDS_ACTION, Outcome.EXHAUSTED})
EXCEPTIONS = ATTENTION | {Outcome.WITHHELD}
"""A request with such a delivery does not end as `completed`."""


class Reason(StrEnum):
    """Why an outcome, a retry or a hold came about: a fixed vocabulary, never a vendor's free text."""

    # nothing to do at this vendor
    NO_OPERATION = "no_operation"  # the vendor has no such operation
    SWITCHED_OFF = "switched_off"  # it has one, and the settings leave it off
    # this person cannot succeed as submitted
    NO_IDENTIFIER = "no_identifier"  # no identifier by which the vendor knows this person was given
    REJECTED = "rejected"  # the vendor refused this record for its content
    UNKNOWN_PERSON = "unknown_person"  # the vendor does not know this identifier
    CONFLICT = "conflict"  # the vendor says this record may not be changed now
    NOT_UNIQUE = "not_unique"  # several records of the vendor match this identifier
    TOO_LARGE = "too_large"  # this record alone is over the vendor's size limit
    IDENTITY_MISMATCH = "identity_mismatch"  # the session given belongs to someone else
    IDENTITY_UNKNOWN = "identity_unknown"  # nothing was given by which the session's owner can be checked
    # someone must act first
    SESSION_EXPIRED = "session_expired"
    SESSION_REFUSED = "session_refused"  # the CSRF token was refused twice
    CODE_SENT = "code_sent"  # the vendor sent the person a code; nothing has changed yet
    # it may have sent one: its answer was lost, and asking again could send another code
    CODE_UNCERTAIN = "code_uncertain"
    CODE_REFUSED = "code_refused"  # the code given is not the one that was sent, or has expired
    MANUAL = "manual"  # the recipient has no API: somebody must ask it, and note that it is done
    NOT_IN_EFFECT = "not_in_effect"  # the vendor said yes, but its own answer shows otherwise
    CAME_BACK = "came_back"  # it was read back and seen, and the vendor shows the person again since
    NEWER_OPT_IN = "newer_opt_in"  # this erasure would undo an opt-in that the person gave since
    SUCCESSOR_GONE = "successor_gone"  # the newer wish that this gave way to came to nothing
    TOO_MANY_MATCHES = "too_many_matches"  # too many other requests share an identifier with this person to compare
    # a legal hold keeps the data: Article 17(3) of the GDPR
    LITIGATION = "litigation"  # for legal claims: (e)
    LEGAL_OBLIGATION = "legal_obligation"  # a law or a public task demands it: (b)
    PUBLIC_INTEREST = "public_interest"  # public health, archives, research, statistics: (c) and (d)
    EXPRESSION = "expression"  # freedom of expression and information: (a)
    # the way in which it was done, where a vendor has more than one (WAYS)
    DISABLED = "disabled"  # the account was disabled, and nothing deleted
    LOOKED_UP = "looked_up"  # every profile found was processed, and none was created
    NOT_LOOKED_UP = "not_looked_up"  # by one identifier: a lookup would have taken too long
    PROFILES_DELETED = "profiles_deleted"  # every profile found was deleted
    PROFILE_DELETED = "deleted_not_looked_up"  # the profile that one identifier finds was deleted
    PROFILES_ANONYMIZED = "profiles_anonymized"  # the identifiers and PII of every profile found were removed
    PROFILE_ANONYMIZED = "anonymized_not_looked_up"  # those of the profile that one identifier finds
    # settled by a person
    DONE_BY_HAND = "done_by_hand"  # a recipient without an API did it; who noted it and how is in the notes
    CLOSED_BY_HAND = "closed_by_hand"  # who did it and why is in the notes
    VENDOR_RETIRED = "vendor_retired"  # the vendor is no longer used; who retired it and why is in the audit log
    # may work later
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    SERVER_ERROR = "server_error"
    NO_CONNECTION = "no_connection"  # nothing was sent
    ANSWER_LOST = "answer_lost"  # sent, and no answer came
    UNREADABLE = "unreadable"  # sent, and the answer makes no sense
    PENDING_AT_VENDOR = "pending_at_vendor"  # accepted, and not yet in effect there
    LEASE_LOST = "lease_lost"  # the worker vanished repeatedly
    OUR_FAULT = "our_fault"  # our own program failed; see the workers' logs
    # nobody can succeed until someone mends the configuration
    BAD_CREDENTIALS = "bad_credentials"
    FORBIDDEN = "forbidden"
    WRONG_ADDRESS = "wrong_address"  # the API is not at this address, or a page came instead of an answer
    MISCONFIGURED = "misconfigured"  # the vendor does not accept calls with our settings


LOOKED_UP = frozenset({Reason.LOOKED_UP, Reason.PROFILES_DELETED, Reason.PROFILES_ANONYMIZED})
"""Ways in which each known identifier of a person was looked up first."""
WAYS = frozenset(
    {
        Reason.DISABLED,
        Reason.LOOKED_UP,
        Reason.NOT_LOOKED_UP,
        Reason.PROFILES_DELETED,
        Reason.PROFILE_DELETED,
        Reason.PROFILES_ANONYMIZED,
        Reason.PROFILE_ANONYMIZED,
    }
)
"""Reasons that go with a good outcome: which way was taken, at a vendor that has more than one."""


HOLD_REASONS = (Reason.LITIGATION, Reason.LEGAL_OBLIGATION, Reason.PUBLIC_INTEREST, Reason.EXPRESSION)
"""Reasons for a legal hold, and so for `withheld`."""
LIFTED_BY_RETRY = frozenset({Reason.NEWER_OPT_IN, Reason.SUCCESSOR_GONE, Reason.TOO_MANY_MATCHES})
"""Reasons to ask a person about other wishes of the data subject. A retry that names one of them means: send it all the
same."""
NAMED_ONLY = frozenset({Reason.NEWER_OPT_IN, Reason.SUCCESSOR_GONE, Reason.MANUAL})
"""Reasons that a retry without a reason does not touch."""
