"""Numbers of things, in words that agree with them."""


def counted(number: int, one: str, several: str = "") -> str:
    """`1 request`, `12,000 requests`. `several`: the plural, where it is not `one` and an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def counted_deliveries(number: int) -> str:
    """`1 delivery`, `2 deliveries`."""
    return counted(number, "delivery", "deliveries")


def counted_people(number: int) -> str:
    """`1 person`, `2 people`."""
    return counted(number, "person", "people")
