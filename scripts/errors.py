"""One class for every error a user can cause, so that each names its place and remedy and never a record's value."""


class StudyError(Exception):
    """A mistake in the input or the configuration, told in one line.

    Parameters
    ----------
    code : short constant that tests and documentation refer to, such as ``SCHEMA`` or ``CONFIG``.
    place : file, column or configuration key at fault; never a value out of a record.
    problem : the rule that was broken and how often.
    remedy : what the reader can do about it.
    """

    def __init__(self, code: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{code}: {place}: {problem}. {remedy}")
        self.code = code
        self.place = place
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["StudyError"], tuple[str, str, str, str]]:
        """So that it can come back from another process."""
        return StudyError, (self.code, self.place, self.problem, self.remedy)
