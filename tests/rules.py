"""The modules that `make mutants` breaks, and which tests are about each."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNIT = "tests/unit"
DOMAIN = f"{UNIT}/domain/test_domain_"
CASES = ("-m", "not hypothesis")
"""Without the searches, which call these functions millions of times."""
IDENTIFIERS = (f"{DOMAIN}identifiers.py", *CASES)
PEOPLE = (f"{DOMAIN}refusals.py", f"{DOMAIN}subjects.py", *IDENTIFIERS)
TESTS: dict[str, tuple[str, ...]] = {
    "adapters/triage.py": (f"{UNIT}/adapters/test_adapters_triage.py",),
    "ledger/sealing.py": (f"{UNIT}/ledger/test_ledger_sealing.py",),
    "tasks/consequences.py": (f"{UNIT}/tasks/test_tasks_consequences.py", f"{UNIT}/tasks/test_tasks_judge.py"),
    "tasks/judge.py": (f"{UNIT}/tasks/test_tasks_judge.py", f"{UNIT}/tasks/test_tasks_jobs.py"),
    "domain/wish.py": (f"{DOMAIN}wishes.py",),
    "domain/wishes.py": (f"{DOMAIN}wishes.py",),
    "domain/accounts.py": (f"{DOMAIN}accounts.py",),
    "domain/allowances.py": (f"{DOMAIN}allowances.py",),
    "domain/blocks.py": (f"{DOMAIN}blocks.py",),
    "domain/by_hand.py": (f"{DOMAIN}by_hand.py",),
    "domain/chunking.py": (f"{DOMAIN}chunking.py",),
    "domain/counted.py": (f"{UNIT}/domain/test_counted.py",),
    "domain/crowds.py": (f"{DOMAIN}crowds.py",),
    "domain/damaged.py": IDENTIFIERS,
    "domain/deadlines.py": (f"{DOMAIN}deadlines.py",),
    "domain/directory.py": (f"{DOMAIN}directory.py",),
    "domain/emails.py": IDENTIFIERS,
    "domain/file_lines.py": (f"{DOMAIN}file_lines.py",),
    "domain/folding.py": (f"{DOMAIN}folding.py",),
    "domain/invisible.py": IDENTIFIERS,
    "domain/foretold.py": (f"{DOMAIN}foretold.py",),
    "domain/json_size.py": (f"{UNIT}/domain/test_json_size.py",),
    "domain/key_texts.py": (f"{DOMAIN}key_texts.py",),
    "domain/legal_holds.py": (f"{DOMAIN}legal_holds.py", f"{DOMAIN}suppression.py"),
    "domain/marked_pages.py": (f"{DOMAIN}marked_pages.py",),
    "domain/masking.py": (f"{DOMAIN}masking.py",),
    "domain/moments.py": (f"{DOMAIN}moments.py", f"{UNIT}/domain/test_days.py"),
    "domain/national_numbers.py": (f"{DOMAIN}national_numbers.py",),
    "domain/nobody.py": (f"{DOMAIN}nobody.py", *PEOPLE),
    "domain/noticed.py": (f"{DOMAIN}noticed.py", f"{DOMAIN}suppression.py"),
    "domain/opendsr.py": (f"{DOMAIN}opendsr.py",),
    "domain/other_identifiers.py": (f"{DOMAIN}other_identifiers.py",),
    "domain/past_erasures.py": (f"{DOMAIN}suppression.py",),
    "domain/periods.py": (f"{DOMAIN}periods.py",),
    "domain/persons.py": (f"{DOMAIN}persons.py",),
    "domain/phones.py": (f"{DOMAIN}phones.py",),
    "domain/plain.py": (f"{DOMAIN}plain.py",),
    "domain/reach.py": (f"{DOMAIN}reach.py",),
    "domain/references.py": (f"{DOMAIN}references.py",),
    "domain/refused_values.py": (f"{UNIT}/domain/test_refused_values.py",),
    "domain/requests.py": PEOPLE,
    "domain/retry.py": (f"{DOMAIN}retry.py",),
    "domain/signing.py": (f"{UNIT}/local/test_signing_pair.py",),
    "domain/suppression.py": (f"{DOMAIN}suppression.py", f"{DOMAIN}legal_holds.py"),
    "domain/twins.py": (f"{DOMAIN}twins.py",),
    "domain/unexpected.py": (f"{DOMAIN}unexpected.py",),
}
"""Which tests are about a module, as arguments of pytest. Only these run against its mutants."""


def unknown(asked: Iterable[str]) -> str | None:
    """What is wrong with the modules asked for, or with the table above; None where nothing is."""
    modules = (path for path in (ROOT / "domain").glob("*.py") if "def " in path.read_text())
    rules = {f"domain/{path.name}" for path in modules}
    if missing := sorted(rules - TESTS.keys()):
        return f"{missing[0]} has no tests in TESTS of tests/rules.py: name them there"
    named = {path for path in chain(TESTS, *TESTS.values()) if path.endswith(".py")}
    if gone := sorted(path for path in named if not (ROOT / path).exists()):
        return f"{gone[0]} stands in TESTS of tests/rules.py and is not there"
    if strange := sorted(set(asked) - TESTS.keys()):
        return f"{strange[0]} is none of the modules: {', '.join(TESTS)}"
    return None
