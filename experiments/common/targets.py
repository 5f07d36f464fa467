"""What a result is asked for, and whether it is met."""

MET, NOT_MEASURED = "met", "not measured"


def judge(value: float, at_most: float) -> str:
    """Says whether a number is as small as is asked for."""
    return MET if value <= at_most else "missed"
