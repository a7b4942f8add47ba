"""When a new instance that answers with an error is not waited for any longer."""

import pytest

from discode.core.patience import Patience


def over_after(deadline, answers):
    """The second at which the wait ends, of one check a second; None: not before the deadline."""
    patience = Patience(deadline)
    return next((at for at, (status, says) in enumerate(answers) if patience.is_over(status, says, float(at))), None)


@pytest.mark.parametrize(
    ("deadline", "answers", "over"),
    [
        (60, [(500, "no database")] * 60, 15),
        (60, [(None, "")] * 5 + [(500, "no database")] * 55, 20),
        (20, [(500, "")] * 20, 10),
        (200, [(500, "")] * 200, 50),
        (8, [(500, "")] * 8, None),
        (60, [(503, "starting")] * 60, None),
        (60, [(404, "")] * 60, None),
        (60, [(302, "")] * 60, None),
        (60, [(502, "")] * 60, None),
        (60, [(None, "")] * 60, None),
        (60, [(500, f"step {number}") for number in range(60)], None),
        (60, ([(500, "a")] * 14 + [(503, "a")]) * 4, None),
        (60, ([(500, "a")] * 14 + [(None, "")]) * 4, None),
    ],
)
def test_only_the_same_unexpected_error_at_every_check_ends_the_wait(deadline, answers, over):
    assert over_after(deadline, answers) == over
