"""The requests that an adapter builds."""

from adapters.conformance.conversations import IN_EFFECT, OfOneVendor, every_turn, read_back, walk
from adapters.conformance.walking import converse, in_words, person_of
from adapters.contract import Answer, Order, Verdict
from domain.requests import SUBJECT, Kind, Subject

LONG = "é" * 480
ODD_IDS = [
    "a/b", "a?b", "a#b", "50%", "a+b", "a&b=c", "a;b", "a b", " a", 'a"b', "a'b", "日本-é-😀", "%2F", "%2e%2e", "..a",
    "a/../b", "...", "a\\b", "a,b", "a:b@c", "~!*()[]{}|^`<>", "x" * 512,
]  # fmt: skip


class Sent(OfOneVendor):
    """For every kind that the card has."""

    def test_a_vendor_that_says_yes_is_believed(self, kind: Kind) -> None:
        answers, turns = walk(self.sample, kind, "ann", "bob")
        assert [answer.verdict in IN_EFFECT for answer in answers] == [True] * 2
        assert all(turn.request.url.scheme == "https" for turn in turns)

    def test_a_full_batch_of_long_identifiers_is_within_both_limits(self, kind: Kind) -> None:
        adapter = self.sample.make()
        for turn in every_turn(self.sample, kind, "ann"):
            limits = adapter.limits(turn.call)
            subjects = [self.sample.person(f"{LONG}{line}") for line in range(limits.people)]
            people = [person_of(adapter, turn, line, subject) for line, subject in enumerate(subjects, start=1)]
            request = adapter.build(turn.call, people)
            assert len(request.content) <= limits.body_bytes
            assert adapter.chunk_people >= adapter.call_people >= limits.people

    def test_odd_ids_reach_the_vendor_as_they_are(self, kind: Kind) -> None:
        for odd in ODD_IDS if self.sample.odd_ids else []:
            answers, turns = walk(self.sample, kind, odd)
            read = [each for turn in turns for each in self.sample.ids(turn.request)]
            assert read, odd
            assert set(read) == {odd}
            assert answers[0].verdict in IN_EFFECT, odd

    def test_nobody_is_told_of_without_an_identifier(self, kind: Kind) -> None:
        answers, turns = converse(self.sample.make(), Order(kind), [{}], self.sample.obliging())
        assert [in_words(answer) for answer in answers] == ["unreachable/no_identifier"]
        assert not turns

    def test_a_block_that_no_longer_fits_stops_nobody_else(self, kind: Kind) -> None:
        adapter = self.sample.make()
        broken = SUBJECT.validate_python({"user_id": "ann", "vendors": {adapter.name: {"surprise": 1}}})
        people = [broken, self.sample.person("bob")]
        answers, _ = converse(adapter, Order(kind), people, self.sample.obliging())
        assert in_words(answers[0]) == "user/rejected"
        assert answers[1].verdict in IN_EFFECT

    def test_two_people_with_one_key_both_get_an_answer(self, kind: Kind) -> None:
        answers, _ = walk(self.sample, kind, "ann", "ann", "bob")
        assert [answer.verdict in IN_EFFECT for answer in answers] == [True] * 3

    def test_an_order_names_every_step_it_takes(self, kind: Kind) -> None:
        """A held step stops the orders that need it. A step that is not named would be sent all the same."""
        taken = {turn.call.step for turn in walk(self.sample, kind, "ann")[1]}
        assert taken <= self.sample.make().steps(Order(kind))

    def test_nothing_is_sent_of_a_kind_that_the_card_leaves_out(self) -> None:
        adapter = self.sample.make()
        for kind in set(Kind) - set(self.sample.kinds):
            assert adapter.reach(kind) == ()
            nobody: Subject = {}
            for subject in (nobody, self.sample.person("ann"), self.sample.own("ann")):
                answers, turns = converse(adapter, Order(kind), [subject], self.sample.obliging())
                assert [answer.verdict for answer in answers] == [Verdict.NOT_APPLICABLE]
                assert not turns

    def test_what_was_done_is_seen_in_effect_and_what_was_not_is_not(self, kind: Kind) -> None:
        obliging, people, order = self.sample.obliging(), [self.sample.person("ann")], Order(kind)
        before, _ = read_back(self.sample, order, people, obliging)
        converse(self.sample.make(), order, people, obliging)
        after, _ = read_back(self.sample, order, people, obliging)
        assert all(answer.verdict in (Verdict.USER, Verdict.AMBIGUOUS) for answer in before)
        assert after == [Answer(Verdict.APPLIED)] * len(after)
