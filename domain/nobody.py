"""The one list of placeholders that broken producers send for "nobody". Acting on one would hit unknown people, or
nobody.

docs/people-files.md describes it. A real identifier that looks like one can be submitted by allowing it
(`domain.allowances`).
"""

import re
from functools import lru_cache
from unicodedata import normalize

from domain.emails import PLAIN_LONGEST
from domain.phones import national_part

WORDS = frozenset(
    {
        # programming languages and databases
        *("null", "none", "nil", "nan", "undefined", "void", "dbnull", "nullptr", "nothing", "inf", "infinity"),
        *("systemdbnull", "invaliddate"),
        *("false", "true", "object", "objectobject", "string", "novalue", "nodata", "missing", "empty", "blank"),
        # people and forms
        *("na", "notavailable", "notapplicable", "notprovided", "notset", "notknown", "notspecified", "notfound"),
        *("notgiven", "notassigned", "unset", "unassigned", "unspecified", "unidentified", "unknown", "unknownuser"),
        *("anonymous", "anonymoususer", "anonymoususerid", "anonym", "anonymus", "anon", "guest", "guestuser"),
        *("nobody", "noone", "nouser", "nouserid", "noid", "nocustomer", "nocustomerid", "noname", "tbd", "tba"),
        *("placeholder", "dummy", "dummyuser", "testuser"),
        # the languages of our vendors' countries and their neighbours
        *("unbekannt", "keine", "gast", "inconnu", "inconnue", "aucun", "invité", "desconocido", "desconocida"),
        *("ninguno", "invitado", "desconhecido", "nenhum", "convidado", "sconosciuto", "nessuno", "onbekend"),
        *("yok", "bilinmiyor", "misafir", "anonim", "boş", "없음", "미상", "비회원", "게스트", "익명", "해당없음"),
        *("なし", "不明", "匿名", "ゲスト", "未設定", "未知", "游客"),
        # a header repeated as a row
        *("userid", "customerid", "emailaddress", "phonenumber"),
    }
)
"""Compared without case, width, spaces and punctuation, so that `N/A`, `(none)`, `[object Object]` and full-width
letters are found."""

PLACEHOLDERS = frozenset(
    {
        "undefined",
        "null",
        "anonymous",
        "0",
        "1",
        "none",
        "nan",
        "nil",
        "n/a",
        "#n/a",
        "\\n",
        "guest",
        "unknown",
        "-",
        "?",
    }
    | {"[object object]", "00000000-0000-0000-0000-000000000000"}
)
"""Some as they are spelt. The first five are from Insider's public pages."""

_SOMEBODY = re.compile(r"(?=[0-9A-Za-z])[01A-Za-z_.-]*[2-9][0-9A-Za-z_.-]*")
"""Most ids and sessions match this. A placeholder that begins with a letter or digit has no digit other than 0 and
1."""
_DIGITS = frozenset({"0", "1"})
_FORMS = re.compile(
    r"""
    \\+n                                                # \N of database exports
    | [-\u2010-\u2015\u2212_]+ | \?+ | \*+ | \.\.\.+ | \u2026 | \\+ | /+ | \#+ | =+ | ~+  # marks alone
    | \[\s*\] | \(\s*\) | <\s*> | \{\s*\} | ["'`\u00b4\u2018-\u201f\u00ab\u00bb]+
    | (?:urn:uuid:)?[{(]?0(?:[. -]?0){2,}[)}]?          # three zeros and more, with separators too: the nil UUID
    | (?:urn:uuid:)?[{(]?f{8}-?f{4}-?f{4}-?f{4}-?f{12}[)}]?           # the max UUID
    | \[object\b.*\] | <.*\bobject\ at\ 0x[0-9a-f]+>    # an object where its id was meant
    | \{\{.*\}\} | \$\{.*\} | <%.*%> | %%[a-z_. ]+%% | %[a-z_]+% | \*\|.*\|\* | \[\[.*\]\]  # a template not filled in
    """,
    re.VERBOSE,
)

_NO_MAILBOX = frozenset(
    {
        *("noemail", "nomail", "noemailaddress", "emailnotprovided", "noreply", "donotreply", "nobody", "null", "none"),
        *(
            "undefined",
            "unknown",
            "anonymous",
            "notprovided",
            "notavailable",
            "notapplicable",
            "unbekannt",
            "keineemail",
        ),
    }
)
"""Mailbox names that belong to nobody at any domain."""
_NO_DOMAIN = frozenset({"noemail", "nomail", "noemailaddress", "none", "null", "undefined", "noreply", "nodomain"})
"""Beginnings of domains at which nobody has a mailbox."""
_TESTING = WORDS | {"test", "no", "noname", "asd", "asdf", "qwe", "qwerty", "abc", "foo", "fake", "dummy", "temp"}
_SELVES = _TESTING | {"tester", "testing", "email", "mail", "user", "name", "customer"}
"""Words that stand for nobody when they are on both sides of the @: `test@test.com`."""
_SAME_LETTER = 3


def is_nobody(text: str) -> bool:
    """Whether an identifier is a placeholder."""
    if _SOMEBODY.fullmatch(text):
        return False
    plain = normalize("NFKC", text).strip().casefold()
    if plain.isdecimal() and len(plain) == 1:
        return str(int(plain)) in _DIGITS
    return _word(plain) in WORDS or _FORMS.fullmatch(plain) is not None or ("@" in plain and _is_nowhere(plain))


def is_nobodys_email(email: str) -> bool:
    """Whether an e-mail address is a placeholder: `noemail@…`, `…@none.com`, `test@test.com`."""
    plain = normalize("NFKC", email).strip().casefold()
    local, _, domain = plain.rpartition("@")
    mailbox = _word(local.partition("+")[0])
    if mailbox in _NO_MAILBOX:
        return True
    if mailbox.startswith(("noemail", "nomail")) and mailbox.rstrip("0123456789") in _NO_MAILBOX:
        return True
    # Most people share few domains, and the answer for these is cached.
    if email.isascii() and len(email) <= PLAIN_LONGEST and not may_be_nowhere(f"@{domain}"):
        return False
    return _word(domain.partition(".")[0]) in _NO_DOMAIN or domain.endswith(".invalid") or _is_nowhere(plain)


MAY_BE_NOBODYS = re.compile(
    rf"\n(?=[{''.join(sorted({word[0] for word in _NO_MAILBOX}))}])(?:{'|'.join(sorted(_NO_MAILBOX))})[0-9]*[+@]"
)
"""Finds placeholder mailboxes among lines of addresses in lower case without `.`, `_`, `-` and `'`."""
IGNORED = str.maketrans("", "", "._-'")


@lru_cache(maxsize=65_536)
def may_be_nowhere(at_domain: str) -> bool:
    """Whether the domain of an ASCII address, as in `@example.org`, may make it a placeholder."""
    domain = at_domain[1:].lower()
    label = _word(domain.partition(".")[0])
    return label in _NO_DOMAIN or label in _SELVES or len(set(label)) == 1 or domain.endswith(".invalid")


def is_nobodys_phone(phone: str) -> bool:
    """Whether a phone number in E.164 form is a placeholder: only zeros after its calling code or, in North America,
    where no number is so, one digit repeated."""
    national = national_part(phone)
    return not national.strip("0") or (phone.startswith("+1") and len(set(national)) == 1)


def _is_nowhere(email: str) -> bool:
    """Whether both sides of the @ are such words, or one letter repeated: `xxx@xxx.com`."""
    local, _, domain = email.rpartition("@")
    mailbox, place = _word(local), _word(domain.partition(".")[0])
    if mailbox in _SELVES and (place in _TESTING or place == mailbox):
        return True
    return mailbox == place and mailbox.isalpha() and len(mailbox) >= _SAME_LETTER and len(set(mailbox)) == 1


def _word(text: str) -> str:
    return "".join(filter(str.isalnum, text))
