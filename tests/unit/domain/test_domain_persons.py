"""Which accounts belong to one person, as a table."""

from domain.persons import Accounts, ApiKey, User, is_one_person, persons_behind
from tests.table_rows import each_row

KNOWN = Accounts(
    users=(
        User("ann"),
        User("ann@shop.example", owner="ann"),
        User("bob", os_user="b.smith"),
        User("carl", os_user="ops"),
        User("dora", os_user="ops"),
        User("eve-admin", owner="eve-desk"),
        User("eve-desk", owner="eve"),
        User("loop", owner="pool"),
        User("pool", owner="loop"),
        User("pat-desk", owner="pat", os_user="pat"),
        User("pat", owner="patricia"),
    ),
    keys=(
        ApiKey("hers", "ann", "cli:root"),
        ApiKey("by-mail", "ann@shop.example", "cli:root"),
        ApiKey("his", "b.smith", "cli:root"),
        ApiKey("handed-on", "ann", "cli:root"),
        ApiKey("handed-on", "bob", "cli:root"),
        ApiKey("shop", None, "cli:ann"),
        ApiKey("crm", None, "cli:ann"),
        ApiKey("theirs", "bob", "cli:ann"),
        ApiKey("made-by-bob", None, "cli:b.smith"),
        ApiKey("till:1", "ann", "cli:root"),
        ApiKey("till:2", None, "cli:desk:2"),
    ),
)

ONE = [
    ("cli:ann", "cli:ann"),
    ("cli:ann", "user:ann"),
    ("cli:Ann", "user:ann"),
    ("cli:ann", "key:ann"),
    ("celery:ann", "key:ann"),
    ("user:ann", "user:ann@shop.example"),
    ("cli:ann", "user:ann@shop.example"),
    ("cli:ann", "key:hers"),
    ("user:ann", "key:hers"),
    ("user:ann@shop.example", "key:hers"),
    ("cli:ann", "key:by-mail"),
    ("key:hers", "key:by-mail"),
    ("cli:b.smith", "user:bob"),
    ("cli:b.smith", "key:his"),
    ("user:bob", "key:his"),
    ("key:his", "key:theirs"),
    ("cli:ops", "user:carl"),
    ("cli:ops", "user:dora"),
    ("cli:eve", "user:eve-admin"),
    ("key:handed-on", "user:ann"),
    ("key:handed-on", "cli:b.smith"),
    ("cli:ann", "key:shop"),  # it was shown to her, and belongs to nobody else
    ("user:ann@shop.example", "key:crm"),
    ("user:bob", "key:made-by-bob"),
    ("user:loop", "user:pool"),
    ("user:pat-desk", "cli:patricia"),
    ("cli:ann", "key:till:1"),
    ("cli:desk:2", "key:till:2"),
    ("celery", "celery"),
]
TWO = [
    ("cli:ann", "cli:bob"),
    ("user:ann", "user:bob"),
    ("user:carl", "user:dora"),  # who share an account at the command line are two at the console
    ("user:ann", "user:ann@other.example"),
    ("key:shop", "key:crm"),  # two systems, set up by anybody
    ("cli:ann", "key:theirs"),  # she made it for him
    ("user:ann", "user:bob"),
    ("cli:ann", "key:his"),
    ("cli:bob-other", "user:bob"),
    ("cli:root", "key:hers"),
    ("celery:shop", "key:crm"),
    ("celery", "cli:ann"),
    ("cli:annabel", "cli:ann"),
    ("cli:hers", "user:ann"),  # an account at the command line that is called as her key is
    ("cli:1", "key:till:1"),
    ("cli:2", "key:till:2"),
]


@each_row(("one", "other"), ONE)
def test_these_are_one_person(one: str, other: str) -> None:
    assert is_one_person(one, other, KNOWN)
    assert is_one_person(other, one, KNOWN)


@each_row(("one", "other"), TWO)
def test_these_are_two(one: str, other: str) -> None:
    assert not is_one_person(one, other, KNOWN)
    assert not is_one_person(other, one, KNOWN)


def test_a_shared_account_counts_for_each_who_may_use_it() -> None:
    assert persons_behind("cli:ops", KNOWN) == {"ops", "carl", "dora"}
    assert persons_behind("key:handed-on", KNOWN) == {"handed-on", "ann", "bob"}
    assert persons_behind("key:shop", KNOWN) == {"shop"}
