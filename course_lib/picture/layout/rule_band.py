"""Draw the hooks in a band, with their rules as pills in the order in which they are evaluated: `band`.

The band always has the same height, so that a new rule moves nothing below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from course_lib.network.hooks import Decision, Hook, policy_words
from course_lib.network.model import Key
from course_lib.network.topology import HOST
from course_lib.network.wording import packet_count
from course_lib.picture import palette
from course_lib.picture.shapes import Box, Line, Shape, Text, shorten, stack, wrap

TITLE = 28  # all sizes in pixels
PILL = 22
PILL_STEP = 26
CAPTION = 17
AREA = 212  # for pills, captions and notes of one hook
HEIGHT = TITLE + AREA + 6  # of the band
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


def natural_width(hooks: Sequence[Hook]) -> float:
    """Return the width of the band at which its texts fit, in pixels."""
    return sum(_hook_width(hook) for hook in hooks) + GAP * (len(hooks) - 1)


def band(hooks: Sequence[Hook], x: float, y: float, width: float) -> list[Shape]:
    """Return the hooks next to each other over the whole width, with arrows between them."""
    shapes: list[Shape] = []
    spare = max(0.0, width - natural_width(hooks)) / len(hooks)
    for position, hook in enumerate(hooks):
        own = _hook_width(hook) + spare
        if position:
            middle = y + HEIGHT / 2
            tip = ((x - 17, middle - 6), (x - 10, middle), (x - 17, middle + 6))
            shapes.append(Line(tip, palette.RULES_EDGE, 2.5))
        shapes += _hook(hook, x, y, own)
        x += own + GAP
    return shapes


def _hook_width(hook: Hook) -> float:
    chosen, _ = _choice(hook, MAX_WIDTH)
    texts = [replace(_TITLE, text=hook.title).width]
    texts += [replace(_WORDS, text=d.words).width + COUNTER + 2 * PAD for d in chosen]
    texts += [replace(_WORDS, text=policy_words(p)).width + COUNTER + 2 * PAD for p in hook.policies]
    texts += [replace(_CAPTION, text=hook.caption(d)).width for d in chosen]
    texts += [replace(_NOTE, text=note).width / 2 + 40 for note in hook.notes]  # they may take two lines
    return min(MAX_WIDTH, max(MIN_WIDTH, *texts) + 2 * PAD)


def _choice(hook: Hook, width: float) -> tuple[list[Decision], list[Text]]:
    """Return the decisions that a hook of that width shows, and its notes in lines."""
    notes = [line for note in hook.notes for line in wrap(replace(_NOTE, text=note), width - 2 * PAD, 2)]
    return _choose(hook, AREA - len(notes) * 15 - len(hook.policies) * PILL_STEP), notes


def _hook(hook: Hook, x: float, y: float, width: float) -> list[Shape]:
    """Return a hook: its title, the chosen rules below the captions of their chains, the policies and the notes."""
    key: Key = ("hook", hook.name)
    shapes: list[Shape] = [Box(x, y, width, HEIGHT, key, palette.RULES, palette.RULES_EDGE, holder=HOST, radius=8)]
    shapes += stack([shorten(replace(_TITLE, text=hook.title), width - 2 * PAD)], x + PAD, y + 7, "start")
    chosen, notes = _choice(hook, width)
    y += TITLE
    rule: Key
    for caption, group in _by_caption(hook, chosen).items():
        if caption:
            shapes += stack([shorten(replace(_CAPTION, text=caption), width - 2 * PAD)], x + PAD, y + 2, "start")
            y += CAPTION
        for decision in group:
            rule = ("rule", decision.family, decision.table, decision.chain, decision.number)
            shapes += _pill(rule, key, decision.words, decision.packets, x=x, y=y, width=width)
            y += PILL_STEP
    if len(chosen) < len(hook.decisions):
        more = replace(_NOTE, text=f"+{len(hook.decisions) - len(chosen)} more, listed in the text")
        shapes += stack([more], x + PAD, y + 1, "start")
        y += 17
    for policy in hook.policies:
        rule, words = ("policy", policy.family), policy_words(policy)
        shapes += _pill(rule, key, words, policy.packets, x=x, y=y, width=width, dashed=True)
        y += PILL_STEP
    return shapes + stack(notes, x + PAD, y + 2, "start")


def _pill(
    key: Key, holder: Key, words: str, count: int, *, x: float, y: float, width: float, dashed: bool = False
) -> list[Shape]:
    """Return a rule: its words on the left, its counter on the right, highlighted if it counted a packet."""
    colour = palette.ACTIVE if count else palette.RULES_EDGE
    x, width = x + PAD, width - 2 * PAD
    box = Box(x, y, width, PILL, key, palette.PAPER, colour, holder=holder, dashed=dashed, radius=5)
    text_colour = palette.ACTIVE if count else palette.GREY
    counter = Text(packet_count(count), x + width - 8, y + 15, 10.5, text_colour, bold=bool(count), anchor="end")
    label = shorten(replace(_WORDS, text=words, x=x + 9, y=y + 15), width - counter.width - 26)
    return [box, label, counter]


def _by_caption(hook: Hook, chosen: Sequence[Decision]) -> dict[str, list[Decision]]:
    """Return the chosen decisions by the caption of their chain; "" if it is the hook's only one."""
    groups: dict[str, list[Decision]] = {}
    for decision in chosen:
        groups.setdefault("" if len(hook.captions) == 1 else hook.caption(decision), []).append(decision)
    return groups


def _choose(hook: Hook, height: float) -> list[Decision]:
    """Return as many decisions as fit into the height, by rank, those that counted a packet first.

    The result is in the kernel's order.
    """
    by_rank = sorted(hook.decisions, key=lambda decision: (decision.rank, decision.packets == 0))
    for count in range(min(len(by_rank), int(height // PILL_STEP)), 0, -1):
        kept = set(by_rank[:count])
        chosen = [decision for decision in hook.decisions if decision in kept]
        captions = [caption for caption in _by_caption(hook, chosen) if caption]
        needed = count * PILL_STEP + len(captions) * CAPTION + (17 if count < len(by_rank) else 0)
        if needed <= height:
            return chosen
    return []
