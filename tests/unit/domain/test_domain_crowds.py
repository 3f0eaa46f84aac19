"""Many people who are perhaps one: from how many on they are told of, and in which words."""

from hypothesis import given
from hypothesis import strategies as st

from domain.crowds import MANY_REPEAT, MANY_SHARE, Crowd, crowd_of, many_share


@given(st.sampled_from(["email", "phone_number", "line"]), st.lists(st.integers(1, 9), max_size=30))
def test_only_what_many_share_is_a_crowd(shared: str, counts: list[int]) -> None:
    many = [count for count in counts if count >= (MANY_REPEAT if shared == "line" else MANY_SHARE)]
    found = crowd_of(shared, counts)
    assert found == (Crowd(shared, len(many), sum(many), max(many)) if many else None)


def test_of_very_many_people_one_in_two_thousand_is_many() -> None:
    assert [many_share(people) for people in (1, 5, 11_999, 13_999, 1_000_000)] == [5, 5, 5, 6, 500]


def test_a_crowd_is_told_in_numbers() -> None:
    whose = "see whether these are really theirs"
    assert str(Crowd("email", 1, 5_000, 50)) == f"5,000 people share 1 e-mail address, the most share one: 50; {whose}"
    assert str(Crowd("phone_number", 2, 9, 5)) == f"9 people share 2 phone numbers, the most share one: 5; {whose}"
    lost = "see whether what told them apart was lost"
    assert str(Crowd("line", 2, 9, 6)) == f"9 lines collapse into 2 people, the most into one: 6; {lost}"
