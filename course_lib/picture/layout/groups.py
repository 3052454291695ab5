"""The card that stands for several containers that are alike: as high and as wide for two as for three hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from course_lib.network.grouping import HOW, Group, address_runs, common_names, name_runs
from course_lib.network.model import Endpoint
from course_lib.network.wording import alike_words, is_live, state_words
from course_lib.picture import palette
from course_lib.picture.layout.cards import LONGEST, PAD, SHEETS, TAB_EDGE, Card, Tab, tab_lines, wrap_even
from course_lib.picture.shapes import LEADING, Text, stack_height
from course_lib.picture.text_metrics import text_width


def group_card(group: Group, width: float, tabs: Sequence[Tab] = (), words: Sequence[str] = ()) -> Card:
    """Return the card that stands for several containers that are alike: as high for few as for many."""
    first = group.first
    ink = palette.INK if is_live(first) else palette.GREY
    inner = width - 2 * PAD
    small = Text("", size=10.5, colour=palette.INK)
    lines = wrap_even(Text(f"{len(group.members)} alike", size=15, bold=True, colour=ink), inner, 1)
    names = wrap_even(Text(", ".join(name_runs(group)), size=11, bold=True, colour=ink), inner, 2)
    lines += names + wrap_even(Text(f"{first.image} · {first.command}", size=11, colour=palette.GREY), inner, 1)
    for text in filter(None, (state_words(first), *words, alike_words(first), *common_names(group))):
        lines += wrap_even(replace(small, text=text), inner, 2)
    lines += wrap_even(replace(small, text=HOW, colour=palette.GREY), inner, 2)
    head = max((t.height for t in tabs), default=TAB_EDGE)
    height = head + 8 + stack_height(lines) + 10 + max(SHEETS)
    room = height + (2 - len(names)) * names[0].size * LEADING
    return Card(
        first, max(width, *(t.width + 8 for t in tabs), 0), height, tuple(tabs), tuple(lines), (), "", group, room
    )


def group_tab(endpoint: Endpoint, colour: str, group: Group) -> Tab:
    """Return the tab of the endpoints of a group, in the network of the given one."""
    lines = tab_lines(endpoint, _ends(group), colour)
    width = max(text_width("0" * LONGEST, 10.5, "mono"), *(line.width for line in lines)) + 10
    most = sum(4 if ":" in address else 2 for address in endpoint.addresses)
    height = stack_height([lines[0], *[lines[1]] * max(most, len(lines) - 1)]) + 7
    return Tab(endpoint, tuple(lines), width, height)


def _ends(group: Group) -> list[str]:
    """Return the lowest and the highest address of a group, of each family; after dots if some between are not its."""
    ends = []
    for v6 in (False, True):
        runs = [run for run in address_runs(group) if (":" in run[0]) == v6]
        if len(runs) == 1:
            ends += [runs[0][0], f"to {runs[0][-1]}"]
        elif runs:
            ends += [runs[0][0], f"… {runs[-1][-1]}"]
    return ends or ["no address"]
