"""Bound arrays in statements whose plan PostgreSQL should keep."""


def unseen(array: str, of: str) -> str:
    """The bound array of this name, of this type (`bigint`), without the planner seeing its length.

    It takes a kept plan to be for ten elements, so with one it finds that plan dearer, and plans anew each time. With
    very many requests on record that takes longer than to run the statement.
    """
    return f"CAST((SELECT CAST(:{array} AS {of}[])) AS {of}[])"
