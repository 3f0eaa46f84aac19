"""Tells the ledger which vendors, recipients and receivers a process knows, each with what others need of it."""

from collections.abc import Mapping

from adapters.contract import Adapter
from adapters.portions import chunk_people
from adapters.rates import buckets_of
from domain.by_hand import ByHand
from ledger.delivery.traffic import describe_limits
from ledger.delivery.vendors import announce, describe
from ledger.notices.webhooks import announce_webhooks
from ledger.session import Connection
from tasks import by_hand
from tasks.reach import reach_of


def announce_all(
    connection: Connection, adapters: Mapping[str, Adapter], recipients: dict[str, ByHand], hosts: Mapping[str, str]
) -> None:
    """Record vendors and their accounts, recipients without an API, and receivers of webhooks with their hosts, each by
    its name. Those that others know stay."""
    announce(connection, {name: chunk_people(adapter) for name, adapter in adapters.items()})
    describe(connection, {name: reach_of(adapter) for name, adapter in adapters.items()})
    describe_limits(connection, {name: buckets_of(adapter) for name, adapter in adapters.items()})
    by_hand.announce(connection, recipients)
    announce_webhooks(connection, hosts)
