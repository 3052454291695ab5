"""The history of the live picture."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from course_lib.picture import highlight
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import part_id
from course_lib.picture.timeline import KEPT, Film, View
from tests.pictures import (
    ONE_NET,
    SCENES,
    chains,
    container,
    first_day,
    long_names,
    many,
    mynet,
    one_container,
    published,
    two_bridges,
    used,
    web,
)

SVG = "{http://www.w3.org/2000/svg}"


def marked(film: Film, name: str) -> list[str]:
    """Return the words that stand in the groups of a class."""
    root = ElementTree.fromstring(film.frame().svg)  # noqa: S314 - our own
    found = [g for g in root.iter(f"{SVG}g") if name in str(g.get("class")).split()]
    return ["".join(t.text or "" for t in g.iter(f"{SVG}text")) for g in found]


def test_a_container_that_starts_appears_and_is_announced() -> None:
    c1, c2 = container("c1", 2), container("c2", 3)
    film = Film((used(containers=(c1,)),)).seen(used(containers=(c1, c2)))
    assert film.moving
    assert any("c2" in words for words in marked(film, highlight.NEW))
    assert not any("c1" in words for words in marked(film, highlight.NEW))
    assert film.frame().said == "Container c2 was added: running, busybox, 172.17.0.3/16 on bridge."
    # Drawn again for another reason, nothing moves again, and what changed last is still marked.
    again = film.viewed(replace(film.view, veths=False))
    assert marked(again, highlight.NEW) == []
    assert any("c2" in words for words in marked(again, highlight.CHANGED))


def test_a_container_that_stops_fades_where_it_was() -> None:
    c1, c2 = container("c1", 2), container("c2", 3)
    idle = container("c2", 3, state="exited", endpoints=())
    film = Film((used(containers=(c1, c2)),)).seen(used(containers=(c1, idle)))
    assert any("c2" in words for words in marked(film, highlight.GONE))
    removed = Film((used(containers=(c1, c2)),)).seen(used(containers=(c1,)))
    assert any("c2" in words for words in marked(removed, highlight.GONE))
    assert marked(removed.viewed(View(rules=False)), highlight.GONE) == []


def test_nothing_fades_out_on_top_of_another_container() -> None:
    c1, c2 = container("c1", 2), container("c2", 3)
    film = Film((used(containers=(c1, c2)),)).seen(used(containers=(c2,)))  # c2 takes the place of c1
    assert marked(film, highlight.GONE) == []


def test_counters_alone_are_no_new_state_but_are_shown_and_marked() -> None:
    quiet = used(containers=(web(),), chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 0)]))
    busy = used(containers=(web(),), chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 4)]))
    film = Film((first_day(), quiet)).seen(busy)
    assert film.states == (first_day(), busy)
    assert not film.moving
    assert "4 pkts" in film.frame().svg
    alone = Film((quiet,)).seen(busy)
    assert alone.states == (busy,)


def test_only_the_last_states_are_kept() -> None:
    film = Film((first_day(),))
    for number in range(2, KEPT + 20):
        film = film.seen(used(containers=(container(f"c{number}", number),)))
    assert len(film.states) == KEPT


def test_back_and_forward_stay_at_a_state_while_others_come() -> None:
    scenes = [used(containers=(container(f"c{n}", n),)) for n in range(2, 6)]
    film = Film((scenes[0],)).seen(scenes[1])
    film = film.viewed(View(back=1))
    assert "c2" in film.frame().words
    film = film.seen(scenes[2])
    assert "c2" in film.frame().words, "it stays where somebody looks"
    assert film.frame().said.startswith("2 before the newest state.")
    assert "c4" in film.viewed(View()).frame().words
    assert film.viewed(View(back=99)).view.back == 2
    assert film.viewed(View(back=-99)).view.back == 0


def test_a_pause_holds_the_picture_and_its_end_shows_the_newest() -> None:
    scenes = [used(containers=(container(f"c{n}", n),)) for n in range(2, 6)]
    film = Film((scenes[0],)).viewed(View(paused=True))
    for scene in scenes[1:]:
        film = film.seen(scene)
    assert "c2" in film.frame().words
    assert "c5" in film.viewed(replace(film.view, paused=False)).frame().words
    for number in range(10, 10 + 2 * KEPT):  # longer than what is kept
        film = film.seen(used(containers=(container(f"c{number}", number),)))
    assert film.frame().svg


def test_a_lab_that_is_gone_is_reported_and_its_picture_stays() -> None:
    film = Film((one_container(),)).missed("There is no lab.")
    assert film.frame().said.startswith("This picture is out of date. There is no lab.")
    assert film.seen(one_container()).note == ""


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("view", [View(), View(rules=False, veths=False, stopped=False)], ids=["all", "less"])
def test_every_part_of_every_scene_can_be_chosen(name: str, view: View) -> None:
    film = Film((first_day(),)).seen(SCENES[name]()).viewed(view)
    made = film.frame()
    root = ElementTree.fromstring(made.svg)  # noqa: S314 - our own
    buttons = {g.get("data-part"): g.get("aria-label") for g in root.iter(f"{SVG}g") if g.get("role") == "button"}
    assert buttons.keys() == made.parts.keys()
    assert all(str(buttons[key]).startswith(name) for key, (name, _, _) in made.parts.items())
    drawn = {part_id(key) for key in made.picture.keys}
    assert {other for _, _, related in made.parts.values() for other in related} <= drawn
    assert made.alt.startswith("The lab's network: ")
    assert len(made.alt) < 1200


def test_the_title_names_the_chosen_network() -> None:
    film = Film((two_bridges(container("c1", 2), container("c2", 0, mode="mynet", endpoints=(mynet(100),))),))
    assert film.networks == ("bridge", "mynet")
    made = film.viewed(View(network="mynet")).frame()
    assert made.title == "The network of the lab, only network mynet"
    assert "c1" not in [c.split(":")[0].strip() for c in made.words.splitlines()]
    gone = film.viewed(View(network="mynet")).seen(one_container()).frame()
    assert gone.title == "The network of the lab"


def test_names_are_escaped_and_nothing_runs() -> None:
    drawn = Film((first_day(),)).seen(long_names()).frame().svg
    for word in ("<b>", "<script", "onload", "href", "url("):
        assert word not in drawn


def test_one_more_container_moves_no_other() -> None:
    """Among those who run and fit in a row of a network (`layout.columns`)."""
    for count in (1, 2, 3, 4, 5):
        before, after = layout(many(count)).places, layout(many(count + 1)).places
        kept = {key: box for key, box in before.items() if key[0] not in ("rule", "policy", "hook", "host")}
        moved = [key for key, box in kept.items() if (after[key].x, after[key].y) != (box.x, box.y)]
        assert moved == []
    assert published() != one_container()


def test_a_card_of_alike_containers_is_unfolded_on_request() -> None:
    folded = Film((many(12),)).frame()
    assert any("(6 alike)" in line for line in folded.words.splitlines())
    assert "group/c7" in folded.parts
    assert "container/c9" not in folded.parts
    open_ = Film((many(12),), View(folded=False)).frame()
    assert "alike" not in open_.words
    assert {f"container/c{n}" for n in range(1, 13)} <= open_.parts.keys()
    assert not [key for key in open_.parts if key.startswith("group/")]
