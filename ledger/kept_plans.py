"""Bound arrays in statements whose plan PostgreSQL should keep."""


def unseen(array: str, of: str) -> str:
    """The bound array of this name, of this type (`bigint`), without the planner seeing its length.

    A plan to keep is reckoned for ten elements. Where fewer are bound, PostgreSQL finds it dearer than a plan for the
    moment, and plans anew each time. With very many requests on record, that takes longer than running the statement.
    """
    # Without the outer cast, ANY would compare with each row of the query, and not with each element of the array.
    return f"CAST((SELECT CAST(:{array} AS {of}[])) AS {of}[])"
