"""What a run of answers means for a chunk."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Answer, Verdict
from domain.outcomes import Outcome, Reason
from domain.retry import Job, RetryPolicy, Setback
from ledger.delivery.outcomes import Settled
from tasks.consequences import Past
from tasks.evidence import Answered, Evidence
from tasks.judge import OUTCOMES, Judgement, Strike, begun, by_past, ends, in_doubt, judge, settled
from tests.stubs import person
from tests.table_rows import each_row

NOW = 1_000_000.0
POLICY = RetryPolicy(max_attempts=3, max_age_s=100.0)
BUSY = Answer(Verdict.RETRY, Reason.BUSY)
LOST = Answer(Verdict.AMBIGUOUS, Reason.ANSWER_LOST)
LIMITED = Answer(Verdict.RETRY, Reason.RATE_LIMITED)
FORBIDDEN = Answer(Verdict.VENDOR, Reason.FORBIDDEN)
DOUBTFUL = Answer(Verdict.USER, Reason.UNKNOWN_PERSON, needs_witness=True)
GONE = Answer(Verdict.ABSENT, needs_witness=True)


STEP = "first"
HANDFUL = 5


def judged(
    *answers: Answer,
    history: dict[int, Setback] | None = None,
    served: bool = False,
    witness: bool = False,
    known: Evidence | None = None,
    **more: Any,
) -> Judgement:
    """Of one run at one step, the first answer being line 1's. `served`: others were, after them; `witness`: lately."""
    evidence = known or Evidence(yes=int(served), served=int(served), lately=witness)
    unsettled = [Answered([person(line)], answer, STEP) for line, answer in enumerate(answers, start=1)]
    given_ = {"steps": {STEP: evidence}, "handful": HANDFUL, "now": NOW, "jitter": 1.0, **more}
    return judge(unsettled, history or {}, POLICY, **given_)


def struck(reason: Reason, *refused: int, everybody: bool = True) -> dict[str, Strike]:
    return {STEP: Strike(reason, frozenset(refused), everybody)}


def setback(attempts: int, *lines: int, since: float = NOW - 10, due: float = NOW - 1, doubted: float = 0.0) -> Setback:
    return Setback(attempts, since, due, lines, doubted=doubted)


def after(attempts: int, since: float = NOW - 10) -> dict[int, Setback]:
    return {1: setback(attempts, 1, since=since)}


@each_row("verdict", Verdict)
def test_which_answers_end_a_delivery(verdict: Verdict) -> None:
    good = {Verdict.APPLIED, Verdict.SEEN, Verdict.ABSENT, Verdict.NOT_APPLICABLE, Verdict.UNREACHABLE}
    final = verdict in good | {Verdict.USER, Verdict.ACTION}
    assert (verdict in OUTCOMES) == final
    assert ends(Answered([person(1)], Answer(verdict))) == final
    assert not ends(Answered([person(1)], Answer(verdict, needs_witness=True)))


@each_row(
    ("answer", "step", "final"),
    [
        (Answer(Verdict.USER, Reason.REJECTED), "", True),
        (Answer(Verdict.USER, Reason.REJECTED), "first", False),  # whether it is about everybody is not known yet
        (Answer(Verdict.USER, Reason.REJECTED, certain=True), "first", True),
        (Answer(Verdict.USER, Reason.IDENTITY_MISMATCH), "first", True),
        (Answer(Verdict.APPLIED), "first", True),
        (Answer(Verdict.ACTION, Reason.CONFLICT), "", False),
    ],
)
def test_a_refusal_at_a_step_does_not_end_a_delivery_by_itself(answer: Answer, step: str, final: bool) -> None:
    assert ends(Answered([person(1)], answer, step)) is final


@each_row(
    ("verdict", "outcome", "attempts"),
    [
        (Verdict.APPLIED, Outcome.ACCEPTED, 3),
        (Verdict.SEEN, Outcome.VERIFIED, 3),
        (Verdict.ABSENT, Outcome.ABSENT, 3),
        (Verdict.USER, Outcome.REFUSED, 3),
        (Verdict.ACTION, Outcome.NEEDS_ACTION, 3),
        (Verdict.NOT_APPLICABLE, Outcome.NOT_APPLICABLE, 0),  # nothing was sent
        (Verdict.UNREACHABLE, Outcome.UNREACHABLE, 0),
    ],
)
def test_a_final_answer_becomes_an_outcome(verdict: Verdict, outcome: Outcome, attempts: int) -> None:
    answered = Answered([person(7)], Answer(verdict, Reason.REJECTED))
    assert settled(answered, {7: setback(2, 7)}) == [Settled([7], outcome, Reason.REJECTED, attempts)]


def test_people_are_grouped_by_all_of_their_past() -> None:
    job = Job("export", NOW, "c-1")
    past = Past(2, NOW - 10, 1, NOW - 5, job, 3)
    history = {line: Setback(*past[:2], NOW, (), 1, NOW - 5, job, redelivered=3) for line in (1, 2)}
    history[3] = replace(history[1], redelivered=4)
    grouped = by_past([person(line) for line in (1, 2, 3, 4)], history)
    assert grouped == {past: [1, 2], past._replace(redelivered=4): [3], Past(): [4]}


def test_a_job_begins_when_it_was_first_reported() -> None:
    before = Job("export", NOW - 50, "c-1")
    assert begun(Answer(Verdict.WAITING, step="export", carry="c-2"), before, NOW) == Job("export", NOW - 50, "c-2")
    assert begun(Answer(Verdict.WAITING, step="import"), before, NOW) == Job("import", NOW, "")


def test_nothing_unsettled_nothing_to_do() -> None:
    assert judged() == Judgement()


def test_nothing_known_of_a_step_is_no_evidence() -> None:
    assert judged(REFUSED, steps={}) == judged(REFUSED, steps={STEP: Evidence()}) == judged(REFUSED)


@pytest.mark.parametrize("answer", [BUSY, LOST])
def test_a_failure_is_counted_and_rests(answer: Answer) -> None:
    # Nobody served and an answer lost: the vendor may be down.
    strikes = struck(Reason.ANSWER_LOST) if answer is LOST else {}
    assert judged(answer) == Judgement([], [Setback(1, NOW, NOW + 1.0, (1,))], strikes)
    assert judged(answer, served=True).strikes == {}


def test_the_next_failure_counts_on_and_keeps_its_age() -> None:
    assert judged(BUSY, history=after(1)) == Judgement([], [Setback(2, NOW - 10, NOW + 2.0, (1,))])


def test_the_last_attempt_exhausts() -> None:
    judgement = judged(BUSY, history=after(2))
    assert judgement == Judgement([Settled([1], Outcome.EXHAUSTED, Reason.BUSY, 3)])


def test_age_exhausts() -> None:
    judgement = judged(LOST, history=after(1, since=NOW - 100))
    assert judgement == Judgement(
        [Settled([1], Outcome.EXHAUSTED, Reason.ANSWER_LOST, 2)], [], struck(Reason.ANSWER_LOST)
    )


def test_too_many_requests_is_no_attempt() -> None:
    assert judged(LIMITED, history=after(2)).setbacks[0].attempts == 2
    assert judged(LIMITED).setbacks[0].attempts == 0


def test_too_many_requests_for_too_long_exhausts() -> None:
    judgement = judged(LIMITED, history=after(0, since=NOW - 100))
    assert judgement.settled == [Settled([1], Outcome.EXHAUSTED, Reason.RATE_LIMITED, 0)]


def test_nobody_comes_back_sooner_than_the_vendor_asked() -> None:
    judgement = judged(Answer(Verdict.RETRY, Reason.RATE_LIMITED, retry_after_s=40.0), jitter=0.0)
    assert judgement.setbacks == [Setback(0, NOW, NOW + 40.0, (1,))]


def test_who_failed_together_comes_back_together_and_the_others_keep_their_own_count() -> None:
    history = {2: setback(1, 2, 3), 3: setback(1, 2, 3), 4: setback(2, 4)}
    judgement = judged(BUSY, BUSY, BUSY, BUSY, BUSY, history=history)
    assert judgement.settled == [Settled([4], Outcome.EXHAUSTED, Reason.BUSY, 3)]
    assert sorted(judgement.setbacks, key=lambda each: each.lines) == [
        Setback(1, NOW, NOW + 1.0, (1, 5)),
        Setback(2, NOW - 10, NOW + 2.0, (2, 3)),
    ]


def test_an_answer_that_blames_the_vendor_costs_nobody_an_attempt() -> None:
    assert judged(FORBIDDEN, FORBIDDEN, history=after(2)) == Judgement([], [], struck(Reason.FORBIDDEN))


def test_an_answer_that_blames_the_vendor_beside_failures_is_counted_for_those_alone() -> None:
    judgement = judged(FORBIDDEN, BUSY)
    assert judgement == Judgement([], [Setback(1, NOW, NOW + 1.0, (2,))], struck(Reason.FORBIDDEN))


def test_blame_without_a_reason_has_one() -> None:
    assert judged(Answer(Verdict.VENDOR)).strikes == struck(Reason.WRONG_ADDRESS)


def test_where_others_were_served_nothing_is_wrong_with_all_of_it() -> None:
    judgement = judged(FORBIDDEN, served=True)
    assert judgement == Judgement([], [Setback(1, NOW, NOW + 1.0, (1,), doubted=NOW)])  # alone from now on
    last = judged(FORBIDDEN, served=True, history=after(2))
    assert last.settled == [Settled([1], Outcome.EXHAUSTED, Reason.FORBIDDEN, 3)]


@each_row(("served", "witness"), [(True, False), (False, True), (True, True)])
@each_row(
    ("answer", "outcome", "reason"), [(DOUBTFUL, Outcome.REFUSED, Reason.UNKNOWN_PERSON), (GONE, Outcome.ABSENT, None)]
)
def test_a_404_is_believed_with_a_witness(
    answer: Answer, outcome: Outcome, reason: Reason | None, served: bool, witness: bool
) -> None:
    judgement = judged(answer, history=after(1), served=served, witness=witness)
    assert judgement == Judgement([Settled([1], outcome, reason, 2)])


def test_a_404_without_a_witness_blames_the_vendor() -> None:
    assert judged(DOUBTFUL, GONE) == Judgement([], [], struck(Reason.UNKNOWN_PERSON))


def test_a_witness_of_lately_does_not_clear_the_vendor_of_what_it_says_to_everybody_now() -> None:
    judgement = judged(GONE, *[FORBIDDEN] * HANDFUL, witness=True)
    assert judgement == Judgement([Settled([1], Outcome.ABSENT, None, 1)], [], struck(Reason.FORBIDDEN))


def test_a_witness_of_lately_clears_it_of_what_it_says_to_a_few() -> None:
    judgement = judged(DOUBTFUL, FORBIDDEN, witness=True)
    assert judgement.settled == [Settled([1], Outcome.REFUSED, Reason.UNKNOWN_PERSON, 1)]
    assert judgement.setbacks == [Setback(1, NOW, NOW + 1.0, (2,), doubted=NOW)]
    assert judgement.strikes == {}


REFUSED = Answer(Verdict.USER, Reason.REJECTED)
WRONG_PAGE = Answer(Verdict.VENDOR, Reason.WRONG_ADDRESS)
CONFLICT = Answer(Verdict.RETRY, Reason.CONFLICT)
IN_THE_WAY = Answer(Verdict.ACTION, Reason.CONFLICT)
DOWN = Answer(Verdict.RETRY, Reason.SERVER_ERROR)
NOBODY = Evidence()
BEFORE = Evidence(lately=True)
PROBED = Evidence(vouched=True)
AFTER = Evidence(yes=1, served=1)


@each_row(
    ("answer", "known", "people", "fate", "strikes"),
    [
        # A refusal: with a witness at its step it is the person's, and a handful without one are the vendor's.
        (REFUSED, AFTER, 1, "settled", {}),
        (REFUSED, AFTER, 200, "settled", {}),  # others were served after them
        (REFUSED, BEFORE, 4, "settled", {}),
        (REFUSED, BEFORE, 5, "pending", struck(Reason.REJECTED, *range(1, 6))),
        (REFUSED, NOBODY, 4, "again", struck(Reason.REJECTED, *range(1, 5), everybody=False)),
        (REFUSED, NOBODY, 5, "pending", struck(Reason.REJECTED, *range(1, 6))),
        (REFUSED, PROBED, 1, "again", struck(Reason.REJECTED, 1, everybody=False)),  # a probe sends no record
        (REFUSED, Evidence(others_refused=4), 1, "pending", struck(Reason.REJECTED, 1)),
        (REFUSED, Evidence(others_refused=3), 1, "again", struck(Reason.REJECTED, 1, everybody=False)),
        # An answer that blames the vendor: a few while others or a probe of that step are served, and it is theirs.
        (FORBIDDEN, AFTER, 1, "again", {}),
        (FORBIDDEN, BEFORE, 1, "again", {}),
        (FORBIDDEN, PROBED, 1, "again", {}),
        (FORBIDDEN, NOBODY, 1, "unsent", struck(Reason.FORBIDDEN)),
        (FORBIDDEN, PROBED, 5, "unsent", struck(Reason.FORBIDDEN)),
        (FORBIDDEN, BEFORE, 5, "unsent", struck(Reason.FORBIDDEN)),
        (WRONG_PAGE, PROBED, 1, "again", {}),
        (WRONG_PAGE, NOBODY, 1, "unsent", struck(Reason.WRONG_ADDRESS)),
        # Trouble costs an attempt in any case; it counts against the step where nobody is served.
        (DOWN, AFTER, 1, "again", {}),
        (DOWN, BEFORE, 1, "again", {}),
        (DOWN, PROBED, 1, "again", {}),
        (DOWN, NOBODY, 1, "again", struck(Reason.SERVER_ERROR)),
        (DOWN, BEFORE, 5, "again", struck(Reason.SERVER_ERROR)),
        (CONFLICT, NOBODY, 200, "again", struck(Reason.CONFLICT)),
        (CONFLICT, AFTER, 200, "again", {}),
        # What no longer exists, or never did.
        (GONE, NOBODY, 1, "unsent", struck(Reason.WRONG_ADDRESS)),
        (GONE, PROBED, 200, "settled", {}),
        (DOUBTFUL, NOBODY, 1, "unsent", struck(Reason.UNKNOWN_PERSON)),
        (DOUBTFUL, PROBED, 4, "settled", {}),
        (DOUBTFUL, PROBED, 5, "pending", struck(Reason.UNKNOWN_PERSON, *range(1, 6))),  # every call says so
        # A conflict is retried before a person is asked to resolve it.
        (IN_THE_WAY, NOBODY, 1, "again", {}),
        (IN_THE_WAY, AFTER, 9, "again", {}),
        (IN_THE_WAY, NOBODY, 9, "unsent", struck(Reason.CONFLICT)),
    ],
)
def test_whose_an_answer_is(
    answer: Answer, known: Evidence, people: int, fate: str, strikes: dict[str, Strike]
) -> None:
    judgement = judged(*[answer] * people, known=known)
    assert judgement.strikes == strikes
    ended = [line for one in judgement.settled for line in one.lines]
    resting = {line: one.attempts for one in judgement.setbacks for line in one.lines}
    everybody = list(range(1, people + 1))
    match fate:
        case "settled":
            assert (ended, resting) == (everybody, {})
        case "again":
            assert (ended, resting) == ([], dict.fromkeys(everybody, 1))
        case "pending":
            assert (ended, resting) == ([], dict.fromkeys(everybody, 0)), "somebody has paid for it"
        case _:
            assert (ended, resting) == ([], {})


@pytest.mark.parametrize(("answer", "intervals"), [(REFUSED, [10, 30]), (IN_THE_WAY, [5, 20])])
def test_who_is_refused_alone_on_a_quiet_day_is_tried_three_times_at_growing_intervals(
    answer: Answer, intervals: list[float]
) -> None:
    history: dict[int, Setback] = {}
    now: float = NOW
    waits: list[float] = []
    for _ in range(2):
        judgement = judged(answer, history=history, now=now)
        assert judgement.settled == []
        assert not judgement.blamed
        (rest,) = judgement.setbacks
        waits.append(rest.due - now)
        now, history = rest.due, {1: rest}
    assert waits == intervals
    judgement = judged(answer, history=history, now=now)
    assert judgement == Judgement([Settled([1], OUTCOMES[answer.verdict], answer.reason, 3)])


def test_who_was_refused_with_everybody_and_is_refused_when_others_are_served_is_the_reason() -> None:
    everybody = judged(*[REFUSED] * 6)
    history = {line: one for one in everybody.setbacks for line in one.lines}
    later = NOW + 60
    served_since = Evidence(lately=True, good_at=later - 5)
    again = judged(*[REFUSED] * 6, history=history, known=served_since, now=later)
    assert again == Judgement([Settled([line], Outcome.REFUSED, Reason.REJECTED, 1) for line in range(1, 7)])
    served_before = Evidence(lately=True, good_at=NOW - 5)
    assert judged(*[REFUSED] * 6, history=history, known=served_before, now=later).settled == []


def test_the_age_of_a_delivery_is_not_used_up_by_a_hold() -> None:
    history = {1: setback(0, 1, since=NOW - 1_000, doubted=NOW - 1_000)}
    assert judged(BUSY, history=history).setbacks == [Setback(1, NOW, NOW + 1.0, (1,), doubted=NOW - 1_000)]


def test_a_tenth_of_many_may_be_refused_in_a_row() -> None:
    known = Evidence(yes=300, served=300)
    trailing = [Answered([person(line)], REFUSED, STEP, yes_before=300) for line in range(1, 41)]
    judge_ = {"handful": HANDFUL, "now": NOW, "jitter": 1.0}
    few = judge(trailing[:29], {}, POLICY, steps={STEP: known}, **judge_)
    assert sum(len(one.lines) for one in few.settled) == 29
    many = judge(trailing, {}, POLICY, steps={STEP: known}, **judge_)
    assert (many.settled, many.blamed) == ([], True)


def test_a_yes_at_one_step_is_no_witness_for_another() -> None:
    refused = [Answered([person(line)], FORBIDDEN, "second") for line in (1, 2)]
    steps = {"first": Evidence(yes=9, served=9, lately=True), "second": Evidence()}
    judgement = judge(refused, {}, POLICY, steps=steps, handful=HANDFUL, now=NOW, jitter=1.0)
    assert judgement == Judgement([], [], {"second": Strike(Reason.FORBIDDEN)})


def test_a_harmless_call_is_made_only_where_it_can_tell() -> None:
    def doubted(answer: Answer, people: int, known: Evidence = NOBODY) -> bool:
        unsettled = [Answered([person(line)], answer, STEP) for line in range(people)]
        return in_doubt(unsettled, {STEP: known}, HANDFUL) == {STEP}

    assert doubted(FORBIDDEN, 4)
    assert not doubted(FORBIDDEN, 5)
    assert doubted(GONE, 200)
    assert not doubted(GONE, 1, BEFORE)
    assert not doubted(REFUSED, 1)
    assert not doubted(BUSY, 1)


def test_who_was_refused_before_others_were_served_or_beside_them_is_the_reason_of_it() -> None:
    run = {"handful": HANDFUL, "now": NOW, "jitter": 1.0}
    answered = [
        Answered([person(1)], REFUSED, STEP),  # before the yes
        Answered([person(line) for line in range(2, 7)], REFUSED, STEP, yes_before=1),  # after it
        Answered([person(7)], REFUSED, STEP, yes_before=1, company_served=True),
    ]
    judgement = judge(answered, {}, POLICY, steps={STEP: Evidence(yes=1, served=1)}, **run)
    assert [one.lines for one in judgement.settled] == [[1], [7]]
    assert [one.lines for one in judgement.setbacks] == [(2, 3, 4, 5, 6)]
    assert judgement.strikes == struck(Reason.REJECTED, 2, 3, 4, 5, 6)


def test_trouble_of_one_out_of_a_batch_that_was_served_is_tried_alone() -> None:
    answered = [Answered([person(1)], DOWN, STEP, yes_before=1, company_served=True)]
    steps = {STEP: Evidence(yes=1, served=1)}
    judgement = judge(answered, {}, POLICY, steps=steps, handful=HANDFUL, now=NOW, jitter=1.0)
    assert judgement == Judgement([], [Setback(1, NOW, NOW + 1.0, (1,), doubted=NOW)])


def test_what_says_nothing_of_the_step_does_not_speak_against_it() -> None:
    judgement = judged(*[REFUSED] * (HANDFUL - 1), BUSY, LIMITED, known=BEFORE)
    assert [one.lines for one in judgement.settled] == [[1], [2], [3], [4]]
    assert judgement.strikes == {}


def test_refusals_of_other_runs_count_only_where_this_run_served_nobody() -> None:
    after_one_yes = [Answered([person(line)], REFUSED, STEP, yes_before=1) for line in range(1, HANDFUL)]
    run = {"handful": HANDFUL, "now": NOW, "jitter": 1.0}
    served = judge(after_one_yes, {}, POLICY, steps={STEP: Evidence(yes=1, others_refused=9)}, **run)
    assert ([one.lines for one in served.settled], served.strikes) == ([[1], [2], [3], [4]], {})
    refused = [one._replace(yes_before=0) for one in after_one_yes]
    nobody = judge(refused, {}, POLICY, steps={STEP: Evidence(others_refused=1)}, **run)
    assert (nobody.settled, nobody.strikes) == ([], struck(Reason.REJECTED, 1, 2, 3, 4))


def test_steps_are_in_doubt_each_for_itself() -> None:
    def at(step: str, answer: Answer, people: int = 1) -> Answered:
        return Answered([person(line) for line in range(people)], answer, step)

    steps = {"served": AFTER, "lately": BEFORE, "quiet": NOBODY}
    asked = [at("served", GONE), at("lately", FORBIDDEN), at("quiet", DOWN), at("never asked", GONE)]
    assert in_doubt(asked, steps, HANDFUL) == {"quiet", "never asked"}
    assert in_doubt([at("quiet", DOWN, 2), at("quiet", FORBIDDEN, 2)], steps, HANDFUL) == {"quiet"}
    assert in_doubt([at("quiet", DOWN, 2), at("quiet", FORBIDDEN, 3)], steps, HANDFUL) == set()


ALL_ANSWERS = [BUSY, LOST, LIMITED, FORBIDDEN, DOUBTFUL, GONE, REFUSED, WRONG_PAGE, CONFLICT, IN_THE_WAY, DOWN]
UNSETTLING = st.sampled_from(ALL_ANSWERS)
EVIDENCE = st.builds(
    Evidence,
    yes=st.integers(0, 3),
    served=st.integers(0, 1_000),
    lately=st.booleans(),
    good_at=st.sampled_from([0.0, NOW - 50, NOW]),
    vouched=st.booleans(),
    others_refused=st.integers(0, 9),
)


@given(answers=st.lists(UNSETTLING, max_size=20), known=EVIDENCE, data=st.data())
def test_nobody_is_in_two_places_and_success_is_never_made_up(
    answers: list[Answer], known: Evidence, data: st.DataObject
) -> None:
    size = len(answers)
    counts = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    doubts = data.draw(st.lists(st.sampled_from([0.0, NOW - 60]), min_size=size, max_size=size))
    history = {
        line: setback(count, line, doubted=doubt)
        for line, (count, doubt) in enumerate(zip(counts, doubts, strict=True), start=1)
        if count or doubt
    }
    before = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    unsettled = [
        Answered([person(line)], answer, STEP, yes_before=min(seen, known.yes))
        for line, (answer, seen) in enumerate(zip(answers, before, strict=True), start=1)
    ]
    judgement = judge(unsettled, history, POLICY, steps={STEP: known}, handful=HANDFUL, now=NOW, jitter=1.0)
    places = [line for group in [*judgement.settled, *judgement.setbacks] for line in group.lines]
    assert len(places) == len(set(places))
    told = dict(enumerate(answers, start=1))
    for one in judgement.settled:
        assert all((one.outcome is Outcome.ABSENT) == (told[line] is GONE) for line in one.lines)
        assert one.outcome in (Outcome.ABSENT, Outcome.REFUSED, Outcome.EXHAUSTED, Outcome.NEEDS_ACTION)
    failing = {line for line, answer in told.items() if answer in (BUSY, LOST, LIMITED, CONFLICT, DOWN)}
    assert failing <= set(places)
    assert all(one.due >= NOW for one in judgement.setbacks)
    # Nobody is refused for good where everybody is refused and nobody was served.
    refused = [line for one in judgement.settled if one.outcome is Outcome.REFUSED for line in one.lines]
    if not known.yes and not known.lately and not known.good_at:
        alone = [line for line in refused if told[line] is REFUSED]
        assert len(alone) < HANDFUL
    assert judgement.blamed or not any(s.everybody for s in judgement.strikes.values())
