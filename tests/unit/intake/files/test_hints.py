"""What a submitter says of a file: what columns hold, which to leave out, and which country's numbers they are."""

import io
from pathlib import Path

import pytest

from domain.moments import NO_DAY_OR_MOMENT
from domain.national_numbers import to_e164
from domain.noticed import Noticed
from domain.requests import Subject
from intake.files import saved_maps
from intake.files.columns import find_field, known_columns, recognise
from intake.files.header import nearest
from intake.files.header_names import NAMES, squashed, synonyms
from intake.files.hints import HintError, read_hints
from intake.files.reader import Fault, UnusableInputError, read_people
from tests.table_rows import each_row


def read(text: str, **hints: object) -> list[Subject]:
    return list(read_people(io.BytesIO(text.encode()), None, read_hints(**hints)))


def faults_of(text: str, **hints: object) -> tuple[Fault, ...]:
    with pytest.raises(UnusableInputError) as raised:
        read(text, **hints)
    return raised.value.faults


def test_no_name_means_two_fields_and_every_field_is_recognised_by_its_own() -> None:
    meanings: dict[str, set[str]] = {}
    for field, names in NAMES.items():
        for name in names.split(","):
            meanings.setdefault(squashed(name), set()).add(field)
    assert {name: fields for name, fields in meanings.items() if name and len(fields) > 1} == {}
    for name in known_columns():
        if not name.endswith("*"):
            assert recognise(name) == find_field(name) == recognise(name.upper().replace("_", " ")), name
    assert squashed("İSTANBUL") == squashed("\u0131stanbul")
    assert "id" not in synonyms()  # often the number of a row


def test_a_map_says_what_a_column_holds_and_ignored_ones_are_left_out() -> None:
    table = "Nummer;Name;Mail\nu-7;Ann Smith;ann@example.org\n"
    both = {"maps": ["nummer=user_id"], "ignored": ["NAME"]}
    assert read(table, **both) == [{"user_id": "u-7", "email": "ann@example.org"}]
    assert read("Karte\n7-7\n", maps=["Karte=insider.identifiers.custom.card"]) == [
        {"vendors": {"insider": {"identifiers": {"custom": {"card": "7-7"}}}}}
    ]
    # What is said comes before what a name seems to mean.
    assert read("Customer ID,Login\nc-7,u-7\n", maps=["Login=user_id"], ignored=["customer id"]) == [{"user_id": "u-7"}]


def test_an_unknown_column_is_named_with_the_nearest_known_one_and_what_to_do() -> None:
    (fault,) = faults_of("user_id,E-mial\nu-7,ann@example.org\n")
    assert fault.field == "column 2"
    for words in ("E-mial", "email", '--map "E-mial=email"', '--ignore "E-mial"'):
        assert words in fault.problem
    assert nearest("Kundenummer") == "user_id"
    assert nearest("Telephon") == "phone_number"
    assert nearest("shoe size") is None


@each_row(
    ("name", "field"),
    [
        ("E-Mail (privat)", "email"),
        ("Primary Email", "email"),
        ("E-mail 1 - Value", "email"),
        ("Work Phone", "phone_number"),
        ("Handy 2", "phone_number"),
        ("Default Address Phone", "phone_number"),
        ("Customer ID (CRM)", "user_id"),
        ("휴대폰 번호 (필수)", "phone_number"),
        ("First Name", None),
    ],
)
def test_the_nearest_to_a_name_of_several_words_is_what_some_of_them_mean(name: str, field: str | None) -> None:
    assert nearest(name) == field
    (fault,) = faults_of(f'user_id,"{name}"\nu-7,x\n')
    assert f'--map "{name}={field or "FIELD"}"' in fault.problem


def test_a_header_of_nothing_but_slips_names_the_nearest_too() -> None:
    faults = faults_of("Custmer No;E-mial\nu-7;ann@example.org\n")
    assert [fault.field for fault in faults] == ["column 1", "column 2"]
    assert "nearest is user_id" in faults[0].problem
    assert "nearest is email" in faults[1].problem


@each_row("cell", ["ann@example.org", "010 1234 5678", "u-12345", "x" * 80, "=1+1", "7;8"])
def test_what_may_be_somebodys_is_not_named(cell: str) -> None:
    (fault,) = faults_of(f"user_id,{cell}\nu-7,x\n")
    assert cell not in str(fault)


@pytest.mark.parametrize(
    ("hints", "line"),
    [({"maps": ["Nr=user_id"]}, 1), ({"ignored": ["Name"]}, 1)],
)
def test_a_hint_that_fits_nothing_is_a_fault(hints: dict[str, object], line: int) -> None:
    assert [fault.line for fault in faults_of("user_id\nu-7\n", **hints)] == [line]
    assert faults_of('{"user_id": "u-7"}\n', **hints)[0].line == line
    assert faults_of('[{"user_id": "u-7"}]', **hints)[0].line == line


@each_row(
    "hints",
    [
        {"maps": ["Kundennummer"]},
        {"maps": ["=user_id"]},
        {"maps": ["A=shoe_size"]},
        {"maps": ["A=user_id", "a=email"]},
        {"maps": ["A=user_id"], "ignored": ["a"]},
        {"ignored": [" "]},
        {"region": "XX"},
        {"region": "Korea"},
        {"region": "82"},
    ],
)
def test_hints_that_make_no_sense_are_refused_by_option(hints: dict[str, object]) -> None:
    with pytest.raises(HintError, match=r"^(map|ignore|region): "):
        read_hints(**hints)


NUMBERS = [
    ("KR", "010-1234-5678", "+821012345678"),
    ("KR", "01012345678", "+821012345678"),
    ("KR", "+82 10-1234-5678", "+821012345678"),
    ("KR", "02-312-3456", "+8223123456"),
    ("TR", "0532 123 45 67", "+905321234567"),
    ("TR", "(0532) 123 45 67", "+905321234567"),
    ("TR", "532 123 45 67", "+905321234567"),
    ("DE", "0151 23456789", "+4915123456789"),
    ("DE", "0151/23456789", "+4915123456789"),
    ("DE", "0049 151 23456789", "+4915123456789"),
    ("FR", "06 12 34 56 78", "+33612345678"),
    ("ES", "612 34 56 78", "+34612345678"),
    ("GB", "+44 (0)20 7946 0958", "+442079460958"),
    ("IT", "06 698 12345", "+390669812345"),
]


@each_row(("region", "written", "sent"), NUMBERS)
def test_national_numbers_are_sent_in_e164_where_a_country_is_given(region: str, written: str, sent: str) -> None:
    expected = [{"user_id": "u-7", "phone_number": sent}]
    table = f"user_id;phone\nu-7;{written}\n"
    assert read(table, region=region) == expected
    assert read(table, region=region.lower()) == expected
    assert read(f"user_id;phone;country\nu-7;{written};{region}\n", region="US") == expected
    assert read(f'{{"user_id": "u-7", "phone_number": "{written}"}}\n', region=region) == expected
    assert read(f'[{{"user_id": "u-7", "phone_number": "{written}"}}]', region=region) == expected
    for text in (table, f'{{"user_id": "u-7", "phone_number": "{written}"}}'):
        (fault,) = faults_of(text)
        assert fault.field == "phone_number"
        assert "--region KR" in fault.problem
        assert written not in str(fault)


@each_row("written", ["491711234567", "49 171 1234567", "49 (171) 123-4567"])
def test_a_number_that_may_lack_its_plus_or_its_zero_is_not_guessed(written: str) -> None:
    (fault,) = faults_of(f"user_id;phone\nu-7;{written}\n", region="DE")
    assert "cannot be read as one phone number of DE" in fault.problem
    assert "with its 0 if it has one, or with +" in fault.problem


@each_row(
    ("region", "written", "sent"),
    [
        ("DE", "+491711234567", "+491711234567"),
        ("DE", "0491 1234567", "+494911234567"),
        ("TR", "905321234567", "+905321234567"),
        ("KR", "821012345678", "+821012345678"),
        ("KR", "1012345678", "+821012345678"),
        ("FR", "33612345678", "+33612345678"),
        ("US", "12025550143", "+12025550143"),
        ("GB", "447400123456", "+447400123456"),
    ],
)
def test_a_number_that_can_be_but_one_is_taken_without_its_plus_or_zero(region: str, written: str, sent: str) -> None:
    assert to_e164(written, region) == sent


@pytest.mark.parametrize("region", [None, "DE"])
@each_row(
    "written",
    [
        "+821012345678, +821087654321",
        "0171 1234567 / 030 1234567",
        "0171 1234567 oder 030 1234567",
        "01711234567|0301234567",
        "0171-1234567;0171-1234568;0171-1234569",
    ],
)
def test_a_cell_of_several_numbers_says_so(region: str | None, written: str) -> None:
    (fault,) = faults_of(f'user_id,phone\nu-7,"{written}"\n', region=region)
    assert fault == Fault(2, "phone_number", "holds more than one number: give each of them a line")


@each_row("written", ["12", "1-800-FLOWERS", "0532 123 45 67 ext. 5", "0000000000", "٠٥٣٢", "0532 123"])
def test_what_is_no_number_of_the_country_is_refused(written: str) -> None:
    assert to_e164(written, "TR") is None
    (fault,) = faults_of(f"user_id;phone\nu-7;{written}\n", region="TR")
    assert (fault.field, "TR" in fault.problem) == ("phone_number", True)


def test_the_country_of_a_row_may_be_its_calling_code_and_matters_only_where_it_is_needed() -> None:
    table = "phone,country\n010-1234-5678,+82\n0532 123 45 67,90\n+4915123456789,Germany\n"
    assert [person["phone_number"] for person in read(table)] == ["+821012345678", "+905321234567", "+4915123456789"]
    (fault,) = faults_of("phone,country\n010-1234-5678,Korea\n")
    assert fault.field == "phone_region"
    (fault,) = faults_of("phone,country\n010-1234-5678,\n")
    assert fault.field == "phone_number"


@each_row(
    "written", ["25.05.2026", "25.5.2026", " 25. 05. 2026 ", "2026.05.25", "2026. 5. 25.", "2026/5/25", "2026-05-25"]
)
def test_a_day_is_read_as_spreadsheets_write_it(written: str) -> None:
    (person,) = read(f"user_id;Anfrage am\nu-7;{written}\n")
    assert person["asked_at"].date().isoformat() == "2026-05-25"


@each_row(
    "written", ["05/06/2026", "25.05.26", "2026/05.25", "25-05-2026", "31.02.2026", "25.13.2026", "25.05.2026 10:00"]
)
def test_a_day_that_may_be_another_or_none_is_refused(written: str) -> None:
    (fault,) = faults_of(f"user_id;Anfrage am\nu-7;{written}\n")
    assert (fault.field, fault.problem) == ("asked_at", NO_DAY_OR_MOMENT)


MAILCHIMP = (
    "Email Address,First Name,Last Name,Birthday,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LATITUDE,"
    "GMTOFF,TIMEZONE,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
SALESFORCE = "Contact ID,Salutation,Name,Email,Email Bounced Reason,Account.Name,CreatedDate,HasOptedOutOfEmail"


def test_all_columns_that_are_not_known_can_be_left_out_at_once_and_are_named() -> None:
    names = MAILCHIMP.split(",")
    cells = dict.fromkeys(names, "x") | {"Email Address": "ann@example.org", "Phone Number": "+4915123456789"}
    table = f"{MAILCHIMP}\n{','.join(cells.values())}\n"
    refused = faults_of(table)
    assert len(refused) == len(names) - 2
    assert sum("--ignore-others" in fault.problem for fault in refused) == 1, "said once"
    noticed = Noticed()
    (person,) = read_people(io.BytesIO(table.encode()), noticed, read_hints(others_ignored=True))
    assert person == {"email": "ann@example.org", "phone_number": "+4915123456789"}
    assert noticed.left_out == [name for name in names if name not in {"Email Address", "Phone Number"}]
    assert noticed.summary() == "columns left out, because their names are not known: 15", "names are not for the log"


def test_of_columns_that_are_left_out_those_like_an_identifier_are_warned_of() -> None:
    cells = ["c-7", "x", "Ann", "ann@example.org", "x", "x", "x", "x"]
    noticed = Noticed()
    table = f"{SALESFORCE}\n{','.join(cells)}\n"
    assert list(read_people(io.BytesIO(table.encode()), noticed, read_hints(others_ignored=True)))
    told = " ".join(noticed.warnings())
    assert 'column "Email Bounced Reason" is left out, and its name is like email' in told
    assert "Salutation" not in told


def test_leaving_out_the_others_leaves_out_no_column_that_is_known_twice_or_named_by_nothing() -> None:
    assert "keep one of them" in faults_of("email,E-Mail,x\na@b.example,c@d.example,\n", others_ignored=True)[0].problem
    assert "no known column" in faults_of("Ann,Smith\nEve,Jones\n", others_ignored=True)[0].problem
    assert read("Nr,Team\nu-7,x\n", maps=["Nr=user_id"], others_ignored=True) == [{"user_id": "u-7"}]
    assert "--ignore-others" in faults_of('{"user_id": "u-7"}\n', others_ignored=True)[0].problem
    (fault,) = faults_of("user_id,\nu-7,ann@example.org\n", others_ignored=True)
    assert "no name" in fault.problem


def test_what_was_said_of_columns_is_kept_by_name(tmp_path: Path) -> None:
    saved_maps.save(tmp_path, "crm", read_hints(["Nr. = 7=user_id"], ["Name"]))
    assert saved_maps.load(tmp_path, "crm") == (["Nr. = 7=user_id"], ["Name"], False)
    saved_maps.save(tmp_path, "mailing", read_hints(others_ignored=True))
    assert saved_maps.load(tmp_path, "mailing") == ([], [], True)
    with pytest.raises(HintError, match="known are crm"):
        saved_maps.load(tmp_path, "shop")
    with pytest.raises(HintError, match="small letters"):
        saved_maps.load(tmp_path, "../keys")
    (tmp_path / "column-maps" / "crm.json").write_text("{")
    with pytest.raises(HintError, match="cannot be read"):
        saved_maps.load(tmp_path, "crm")
