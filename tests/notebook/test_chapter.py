"""Test what begin() and clean_up() do about bridges and images made by hand."""

from __future__ import annotations

import pytest

from course_lib import begin, clean_up
from course_lib.errors import CourseError
from course_lib.notebook import current

pytestmark = pytest.mark.live


@pytest.mark.slow
def test_a_bridge_made_by_hand_is_reported_by_begin_and_clean_up(
    fresh_lab: None, capsys: pytest.CaptureFixture[str]
) -> None:
    current.host("ip link add hand0 type bridge")
    with pytest.raises(CourseError, match="Not everything was removed"):
        clean_up()
    assert "1 bridges made by hand" in capsys.readouterr().out
    begin()
    assert "Removed: bridge hand0" in capsys.readouterr().out
    clean_up()
    assert "by hand" not in capsys.readouterr().out


@pytest.mark.slow
def test_an_image_that_lost_its_name_to_a_later_build_is_removed(fresh_lab: None) -> None:
    for number in (1, 2):
        current.host(f"printf 'FROM busybox\\nENV number={number}\\n' | docker build -q -t mine - 2>/dev/null")
    assert current.host("docker images -q -f dangling=true")
    clean_up()
    assert current.host("docker images -q -f dangling=true") == ""
