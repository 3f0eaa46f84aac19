"""What an operation does at a recipient and what it leaves there, as a closed set: catalogues say each in the languages
of the people concerned, without the vendor's own words."""

from enum import StrEnum


class Effect(StrEnum):
    """What was done to a person for whom an operation succeeded. Each must be true of every such person."""

    MESSAGES_OFF = "messages_off"  # permissions to write or call were withdrawn
    MESSAGES_ON = "messages_on"  # those asked for were given
    CONSENT_WITHDRAWN = "consent_withdrawn"  # consent to processing
    PROFILES_DELETED = "profiles_deleted"  # every profile found by the identifiers given
    PROFILE_DELETED = "profile_deleted"  # the one that an identifier finds
    PROFILE_DISABLED = "profile_disabled"
    PROFILE_ENABLED = "profile_enabled"
    CONTACTS_DELETED = "contacts_deleted"
    IDENTITY_REMOVED = "identity_removed"  # identifiers and names, so that the rest tells of nobody
    DETAILS_DELETED = "details_deleted"  # those named in the request or the settings
    DETAILS_OVERWRITTEN = "details_overwritten"  # the same, where they cannot be emptied
    HISTORY_DELETED = "history_deleted"
    RECORDING_STOPPED = "recording_stopped"
    RECORDING_RESUMED = "recording_resumed"


DESTROYING = frozenset(
    {
        Effect.PROFILES_DELETED,
        Effect.PROFILE_DELETED,
        Effect.CONTACTS_DELETED,
        Effect.IDENTITY_REMOVED,
        Effect.DETAILS_DELETED,
        Effect.DETAILS_OVERWRITTEN,
        Effect.HISTORY_DELETED,
    }
)
"""Effects after which data of the person is gone. A legal hold withholds whatever has one, opt-outs too."""


class Remainder(StrEnum):
    """What the recipient may still hold of the person afterwards."""

    EVERYTHING = "everything"
    PROFILE = "profile"  # the record itself
    OTHER_PROFILES = "other_profiles"
    EMPTY_PROFILE = "empty_profile"  # made by the call where there was none
    CONTACT_DETAILS = "contact_details"
    OTHER_DETAILS = "other_details"  # those not named in the request or the settings
    ACTIVITY = "activity"  # what the person did or was sent
    ORDERS = "orders"
    ACCOUNTS = "accounts"  # money: accounts, rewards, transactions
    OTHER_IDENTIFIERS = "other_identifiers"  # what is kept under another identifier
    OTHER_SYSTEMS = "other_systems"  # outside the part that can be reached
    OTHER_PERMISSIONS = "other_permissions"  # those not named in the request or the settings
