"""What a step on request was told is taken out of the configuration, so that it makes nothing stale."""

import pytest

from scripts.errors import StudyError
from scripts.governance.command import Command


def test_the_keys_of_a_step_leave_the_configuration() -> None:
    config = {"study": {}, "request": 7, "today": "2027-02-28"}
    command = Command.taken_from(config)
    assert config == {"study": {}}
    assert (command.request, command.today, command.confirm) == ("7", "2027-02-28", None)


def test_each_command_is_asked_anew() -> None:
    assert Command.taken_from({}).asked != Command.taken_from({}).asked


def test_what_is_no_date_or_was_not_given_is_told() -> None:
    with pytest.raises(StudyError, match="today: this is no date"):
        Command.taken_from({"today": "28/02/2027"})
    with pytest.raises(StudyError, match=r"recipient.*--config recipient="):
        Command().required("recipient")
