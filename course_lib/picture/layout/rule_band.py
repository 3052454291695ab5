"""Draw the hooks in a band, with their rules as pills in the order in which they are evaluated: `band`.

It is as high as the rules need, up to AREA for each hook; what has no room there is counted. Hooks that do not fit next
to each other continue in a further row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil

from course_lib.network.hooks import Decision, Hook, policy_words
from course_lib.network.model import Key
from course_lib.network.topology import HOST
from course_lib.network.wording import packet_count
from course_lib.picture import palette
from course_lib.picture.shapes import Box, Line, Shape, Text, shorten, stack, stack_height, wrap

TITLE = 28  # all sizes in pixels
PILL = 22
PILL_STEP = 26
CAPTION = 17
MORE = 17  # the line that counts what is left out
AREA = 226  # at most, for pills, captions and notes of one hook
ROW_GAP = 20  # between two rows of hooks
GAP_BELOW = 34  # between the band and the bridges
GAP = 26  # between two hooks, for an arrow
PAD = 10
COUNTER = 62
MIN_WIDTH = 220.0  # of a hook
MAX_WIDTH = 460

_WORDS = Text("", size=10.5, font="mono", colour=palette.INK)
_CAPTION = Text("", size=10, font="mono", bold=True, colour=palette.RULES_INK)
_NOTE = Text("", size=10.5, colour=palette.RULES_INK)
_TITLE = Text("", size=12, bold=True, colour=palette.RULES_INK)


def _natural_width(hooks: Sequence[Hook]) -> float:
    """Return the width at which the texts of hooks next to each other fit, in pixels."""
    return sum(_hook_width(hook) for hook in hooks) + GAP * (len(hooks) - 1)


def band(hooks: Sequence[Hook], x: float, y: float, width: float) -> tuple[list[Shape], float]:
    """Return the hooks, in rows over the whole width with arrows between them, and the y of the band's lower edge."""
    rows: list[list[Hook]] = [[]]
    for hook in hooks:
        rows += [[]] if rows[-1] and _natural_width([*rows[-1], hook]) > width else []
        rows[-1].append(hook)
    shapes: list[Shape] = []
    for number, row in enumerate(rows):
        spare = (width - _natural_width(row)) / len(row)  # less than 0 if one hook alone is too wide
        widths = [_hook_width(hook) + spare for hook in row]
        height = max(_height(hook, own) for hook, own in zip(row, widths, strict=True))
        if number:
            middle = x + width / 2
            tip = ((middle - 6, y - 14), (middle, y - 7), (middle + 6, y - 14))
            shapes.append(Line(tip, palette.RULES_EDGE, 2.5))
        left = x
        for hook, own in zip(row, widths, strict=True):
            if left > x:
                middle = y + height / 2
                tip = ((left - 17, middle - 6), (left - 10, middle), (left - 17, middle + 6))
                shapes.append(Line(tip, palette.RULES_EDGE, 2.5))
            shapes += _hook(hook, left, y, own, height)
            left += own + GAP
        y += height + ROW_GAP
    return shapes, y - ROW_GAP


def _height(hook: Hook, width: float) -> float:
    """Return the height that a hook of that width needs."""
    chosen, notes = _choice(hook, width)
    captions = sum(bool(caption) for caption, _ in _runs(hook, chosen))
    more = MORE if len(chosen) < len(hook.decisions) else 0
    pills = (len(chosen) + len(hook.policies)) * PILL_STEP
    return ceil(TITLE + pills + captions * CAPTION + more + stack_height(notes) + 10)


def _hook_width(hook: Hook) -> float:
    chosen, _ = _choice(hook, MAX_WIDTH)
    runs = _runs(hook, chosen)
    pills = [words for _, run in runs for _, words in run] + [policy_words(p) for p in hook.policies]
    widths = [replace(_TITLE, text=hook.title).width]
    widths += [replace(_WORDS, text=words).width + COUNTER + 2 * PAD for words in pills]
    widths += [replace(_CAPTION, text=caption).width for caption, _ in runs]
    widths += [replace(_NOTE, text=note).width / 2 + 40 for note in hook.notes]  # they may take two lines
    return min(MAX_WIDTH, max(MIN_WIDTH, *widths) + 2 * PAD)


def _hook(hook: Hook, x: float, y: float, width: float, height: float) -> list[Shape]:
    """Return a hook: its title, the chosen rules below the captions of their chains, the policies and the notes."""
    key: Key = ("hook", hook.name)
    left, room = x + PAD, width - 2 * PAD
    shapes: list[Shape] = [Box(x, y, width, height, key, palette.RULES, palette.RULES_EDGE, holder=HOST, radius=8)]
    shapes += stack([shorten(replace(_TITLE, text=hook.title), room)], left, y + 7, "start")
    pills: list[Shape] = []
    chosen, notes = _choice(hook, width)
    y += TITLE
    for caption, run in _runs(hook, chosen):
        if caption:
            shapes += stack([shorten(replace(_CAPTION, text=caption), room)], left, y + 2, "start")
            y += CAPTION
        for decision, words in run:
            pills += _pill((left, y, room), decision.key, key, words, decision.packets)
            y += PILL_STEP
    if len(chosen) < len(hook.decisions):
        more = replace(_NOTE, text=f"+{len(hook.decisions) - len(chosen)} more, listed in the text")
        shapes += stack([more], left, y + 1, "start")
        y += MORE
    for policy in hook.policies:
        pills += _pill((left, y, room), ("policy", policy.family), key, policy_words(policy), policy.packets)
        y += PILL_STEP
    return [*shapes, *stack(notes, left, y + 2, "start"), *pills]


def _pill(place: tuple[float, float, float], key: Key, holder: Key, words: str, count: int) -> list[Shape]:
    """Return a rule: its words on the left, its counter on the right, highlighted if it counted a packet.

    `place` is the upper left corner and the width.
    """
    x, y, width = place
    edge, colour = (palette.ACTIVE, palette.ACTIVE) if count else (palette.RULES_EDGE, palette.GREY)
    dashed = key[0] == "policy"
    box = Box(x, y, width, PILL, key, palette.PAPER, edge, holder=holder, dashed=dashed, radius=5)
    counter = Text(packet_count(count), x + width - 8, y + 15, 10.5, colour, bold=bool(count), anchor="end")
    return [box, shorten(replace(_WORDS, text=words, x=x + 9, y=y + 15), width - counter.width - 26), counter]


def _shared(decisions: Sequence[Decision]) -> str:
    """Return " if in docker0" if jumps with the same conditions lead to all of the decisions, otherwise ""."""
    conditions = {decision.when for decision in decisions}
    return f" if {conditions.pop()}" if len(conditions) == 1 and conditions != {""} else ""


def _runs(hook: Hook, chosen: Sequence[Decision]) -> list[tuple[str, list[tuple[Decision, str]]]]:
    """Return the chosen decisions in runs of the same chain: its caption, and each decision with its words.

    The caption has the conditions that the whole run shares. It does not name the chain if the hook has only one.
    """
    found = []
    for caption, run in groupby(chosen, key=hook.caption):
        decisions = list(run)
        shared = _shared(decisions)
        above = caption + shared if len(hook.captions) > 1 else shared.strip()
        found.append((above, [(decision, decision.words if shared else decision.full) for decision in decisions]))
    return found


def _choice(hook: Hook, width: float) -> tuple[list[Decision], list[Text]]:
    """Return the decisions that a hook of that width shows, in the kernel's order, and its notes in lines.

    They are as many as fit into its height, by rank, and those that counted a packet first.
    """
    notes = [line for note in hook.notes for line in wrap(replace(_NOTE, text=note), width - 2 * PAD, 2)]
    height = AREA - len(notes) * 15 - len(hook.policies) * PILL_STEP
    by_rank = sorted(hook.decisions, key=lambda decision: (decision.rank, decision.packets == 0))
    for count in range(min(len(by_rank), int(height // PILL_STEP)), 0, -1):
        kept = set(by_rank[:count])
        chosen = [decision for decision in hook.decisions if decision in kept]
        captions = [caption for caption, _ in _runs(hook, chosen) if caption]
        more = MORE if count < len(by_rank) else 0
        if count * PILL_STEP + len(captions) * CAPTION + more <= height:
            return chosen, notes
    return [], notes
