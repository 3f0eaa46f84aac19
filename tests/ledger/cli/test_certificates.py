"""`consent certificate`: made from a real ledger, and verified with the public key alone."""

import json
import random
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from config.signing import keep_signing_key
from evidence.certificate import EvidenceError, check
from evidence.keys import SigningKey, read_public_keys
from tests.ledger.cli.test_commands import people, settle, stack, submitted
from tests.ledger.cli.test_evidence_log import keep
from tests.ledger.command_line import consent

__all__ = ["people", "stack"]

DOCS = Path(__file__).parents[3] / "docs"


class Made:
    """A certificate, a proof for the person on line 2 and the public key, as files."""

    def __init__(self, folder: Path, request: str) -> None:
        self.request = request
        self.certificate, self.proof = folder / "certificate.json", folder / "line-2.tlog-proof"
        self.key = folder / "key.pem"


@pytest.fixture
def made(stack: Engine, people: str, tmp_path: Path) -> Made:
    keep_signing_key(Settings.load())
    made = Made(tmp_path, submitted(people))
    settle(stack, made.request)
    written("certificate", made.request, "--out", str(made.certificate))
    written("certificate", made.request, "--line", "2", "--out", str(made.proof))
    written("certificate", "key", "--out", str(made.key))
    return made


def written(*args: str) -> None:
    result = consent(*args)
    assert result.exit_code == 0, result.output


def verified(file: Path, key: Path) -> tuple[int, dict[str, Any]]:
    result = consent("certificate", "verify", str(file), "--key", str(key), "--json")
    return result.exit_code, json.loads(result.stdout)


def test_a_certificate_says_what_was_done_and_holds_with_the_key_alone(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSENT_DATABASE_URL")  # on another machine
    code, found = verified(made.certificate, made.key)
    assert (code, found["holds"]) == (0, True)
    body = found["certificate"]
    assert (body["request"]["id"], body["request"]["kind"], body["request"]["people"]) == (made.request, "erasure", 3)
    assert [one["vendor"] for one in body["vendors"]] == ["algonomy", "dfinery", "insider"]
    insider = body["vendors"][2]
    assert [(one["outcome"], one["deliveries"]) for one in insider["outcomes"]] == [("accepted", 3)]
    assert "The vendor said yes" in insider["outcomes"][0]["says"]
    assert body["tree"]["size"] == 4  # the third line repeats the first
    said = consent("certificate", "verify", str(made.certificate), "--key", str(made.key))
    assert said.stdout.startswith("holds\n")


def test_a_proof_for_one_person_names_nobody_and_holds(made: Made) -> None:
    code, found = verified(made.proof, made.key)
    assert (code, found["request"], found["line"]["line"]) == (0, made.request, 2)
    assert {one["vendor"]: one["outcome"] for one in found["line"]["deliveries"]} == dict.fromkeys(
        ("algonomy", "dfinery", "insider"), "accepted"
    )
    for file in (made.proof, made.certificate):
        content = file.read_text()
        readable = content + "".join(
            b64decode(one[: len(one) // 4 * 4]).decode(errors="replace") for one in re.findall(r"[\w+/]{16,}", content)
        )
        assert "u-2" not in readable
        assert "bob@" not in readable


def test_any_changed_byte_is_found(made: Made) -> None:
    keys = read_public_keys(made.key.read_text())
    chance = random.Random(5)
    for file in (made.certificate, made.proof):
        raw = file.read_bytes()
        check(raw, keys)
        for place in {*range(0, len(raw), 37), *range(len(raw) - 8, len(raw)), *range(8)}:
            changed = bytearray(raw)
            changed[place] ^= chance.randrange(1, 256)
            with pytest.raises(EvidenceError):
                check(bytes(changed), keys)
        for cut in (raw[:-1], raw + b"\n", raw[1:], b"", raw * 2):
            with pytest.raises(EvidenceError):
                check(cut, keys)


def test_a_changed_file_and_another_key_do_not_hold(made: Made, tmp_path: Path) -> None:
    raw = made.certificate.read_bytes()
    made.certificate.write_bytes(raw[:200] + bytes([raw[200] ^ 1]) + raw[201:])
    code, found = verified(made.certificate, made.key)
    assert (code, found["holds"]) == (1, False)
    other = tmp_path / "other.pem"
    other.write_text(SigningKey(b"o" * 32).public.pem())
    assert verified(made.proof, other)[0] == 1
    assert consent("certificate", "verify", str(made.proof), "--key", str(made.proof)).exit_code == 2
    assert consent("certificate", "verify", str(tmp_path / "none"), "--key", str(made.key)).exit_code == 2


def test_one_request_cannot_be_shown_with_the_outcomes_of_another(made: Made, stack: Engine, people: str) -> None:
    """Anyone who has the key can sign anything, but not what the log does not have."""
    from config.signing import newest_signing_key
    from evidence import certificate

    key = newest_signing_key(Settings.load())
    assert key is not None
    shown = check(made.certificate.read_bytes(), [key.public])
    assert isinstance(shown, certificate.Certificate)
    body = json.loads(json.dumps(shown.body))
    changes: list[Any] = [
        lambda: body["request"].update(id="00000000-0000-4000-8000-000000000000"),
        lambda: body["tree"].update(size=3),
        lambda: body["vendors"][0]["outcomes"][0].update(deliveries=2),
        lambda: body["vendors"][0].update(outcomes=[]),
        lambda: body["log"]["entry"].update(size=3),
        lambda: body.pop("log"),
    ]
    for change in changes:
        before = json.dumps(body)
        change()
        with pytest.raises(EvidenceError):
            check(certificate.seal(body, key), [key.public])
        body = json.loads(before)
    check(certificate.seal(body, key), [key.public])


def test_after_forgetting_what_was_made_holds_and_lines_can_still_be_proved(made: Made, stack: Engine) -> None:
    written("forget", made.request, "--because", "they asked us to")
    with stack.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM data_keys")).scalar_one() == 0
    assert verified(made.certificate, made.key)[0] == verified(made.proof, made.key)[0] == 0
    before = made.proof.read_text().split("\n")[1]
    written("certificate", made.request, "--line", "2", "--out", str(made.proof))
    assert made.proof.read_text().split("\n")[1] == before
    written("certificate", made.request, "--out", str(made.certificate))
    assert verified(made.certificate, made.key)[0] == 0
    keep(stack)
    assert consent("audit", "verify").exit_code == 0


def test_what_is_seen_later_is_in_the_next_certificate_and_the_first_one_holds(
    made: Made, stack: Engine, tmp_path: Path
) -> None:
    with stack.begin() as connection:  # as a read-back does
        connection.execute(text(_SEEN))
        connection.execute(text("INSERT INTO trees_due (request_id) SELECT id FROM requests"))
    again, line = tmp_path / "again.json", tmp_path / "again.tlog-proof"
    written("certificate", made.request, "--out", str(again))
    written("certificate", made.request, "--line", "2", "--out", str(line))

    def told(certificate: Path, proof: Path) -> tuple[set[str], set[str]]:
        (code, of_all), (code_of_one, of_one) = verified(certificate, made.key), verified(proof, made.key)
        assert (code, code_of_one) == (0, 0)
        ended = [one["outcomes"] for one in of_all["certificate"]["vendors"] if one["vendor"] == "insider"]
        outcomes = {one["outcome"] for one in ended[0]}
        return outcomes, {one["outcome"] for one in of_one["line"]["deliveries"] if one["vendor"] == "insider"}

    assert told(made.certificate, made.proof) == ({"accepted"}, {"accepted"})
    assert told(again, line) == ({"verified"}, {"verified"})


_SEEN = """
    INSERT INTO outcomes (request_id, vendor_id, round, line, attempts, outcome)
    SELECT request_id, vendor_id, 2, line, 1, 'verified' FROM outcomes JOIN vendors ON vendors.id = vendor_id
    WHERE vendors.name = 'insider'
"""


def test_a_new_key_signs_and_old_certificates_hold_with_the_old_one(made: Made, tmp_path: Path) -> None:
    consent("signing-key", "new")
    again, new = tmp_path / "again.json", tmp_path / "new.pem"
    written("certificate", made.request, "--out", str(again))
    written("certificate", "key", "--out", str(new))
    assert verified(made.certificate, made.key)[0] == verified(again, new)[0] == 0
    assert verified(again, made.key)[0] == verified(made.certificate, new)[0] == 1


def test_what_has_not_closed_has_no_certificate(stack: Engine, people: str) -> None:
    keep_signing_key(Settings.load())
    request = submitted(people)
    for more in ((), ("--line", "1")):
        result = consent("certificate", request, *more)
        assert (result.exit_code, "has not closed" in result.stderr) == (2, True)
    settle(stack, request)
    result = consent("certificate", request, "--line", "9")
    assert (result.exit_code, "no line 9" in result.stderr) == (2, True)
    assert consent("certificate", "123e4567-e89b-42d3-a456-426614174000").exit_code == 2
    assert consent("certificate", "nothing").exit_code == 2


def test_without_a_key_nothing_is_certified(stack: Engine, people: str) -> None:
    request = submitted(people)
    settle(stack, request)
    result = consent("certificate", request)
    assert (result.exit_code, "no key to sign it with" in result.stderr) == (2, True)


def test_a_stranger_can_check_both_with_the_page_alone(made: Made, tmp_path: Path) -> None:
    """The program of docs/verify.md, as it stands there, with nothing of ours to import."""
    ((program),) = re.findall(r"```python\n(.*?)```", (DOCS / "verify.md").read_text(), re.DOTALL)
    assert len(program.splitlines()) <= 80
    (tmp_path / "verify.py").write_text(program)

    def run(file: Path) -> tuple[int, str]:
        command = [sys.executable, "-P", "verify.py", str(made.key), str(file)]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    for file in (made.certificate, made.proof):
        code, said = run(file)
        assert (code, made.request in said) == (0, True), said
        raw = file.read_bytes()
        for place in (len(raw) // 3, len(raw) // 2):
            file.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            assert run(file)[0] == 1
