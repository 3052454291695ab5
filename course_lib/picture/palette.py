"""Define the colours of the pictures: colour-blind-safe after Okabe and Ito.

Text has a contrast of at least 4.5:1, lines have 3:1 (WCAG 2.2, 1.4.3 and 1.4.11). A PNG is always light.
"""

PAPER = "#ffffff"
INK = "#1f2933"
GREY = "#56616d"  # secondary text, and containers that do not run
EDGE = "#7f8b98"  # borders
HOST = "#f4f6f8"  # the inside of the host
RULES = "#fff6e5"  # the background of a hook
RULES_EDGE = "#b98200"
RULES_INK = "#7a4b00"
ACTIVE = "#b34a00"  # published ports, and counters above 0
ALARM = "#b00020"
ALARM_FILL = "#fff1f1"
YES = "#e6f4ee"
YES_EDGE = "#00785a"
YES_INK = "#00513b"

# Without vermilion, which is reserved for published ports. The Okabe-Ito green, purple and sky blue are darkened,
# because white text on them is not readable.
NETWORKS = ("#0072b2", "#007a5a", "#9c4477", "#5b4fa0", "#00707f", "#7a5c00")
DARK_NETWORKS = ("#5cb8f0", "#4fc79a", "#e58fc0", "#ada2f2", "#4fc3d1", "#d1ad3f")

# On the screen, each colour by its light form: the same in a dark theme, and the system colour that stands for it where
# people set colours of their own (CSS Color 4, 6.2). `notebook/frame.css` has paper and ink from JupyterLab's theme.
SCREEN = {
    PAPER: ("#111111", "Canvas"),
    INK: ("#e4e7eb", "CanvasText"),
    GREY: ("#a9b4c0", "CanvasText"),
    EDGE: ("#76828f", "CanvasText"),
    HOST: ("#1c2126", "Canvas"),
    RULES: ("#2a2414", "Canvas"),
    RULES_EDGE: ("#b98a2a", "CanvasText"),
    RULES_INK: ("#f0c674", "CanvasText"),
    ACTIVE: ("#ff9d5c", "LinkText"),
    ALARM: ("#ff8095", "LinkText"),
    ALARM_FILL: ("#33161b", "Canvas"),
    YES: ("#0f3b2e", "Canvas"),
    YES_EDGE: ("#3fc195", "CanvasText"),
    YES_INK: ("#a8ecd2", "CanvasText"),
    **dict(zip(NETWORKS, ((colour, "CanvasText") for colour in DARK_NETWORKS), strict=True)),
}


def network_colour(position: int) -> str:
    """Return the colour of the network at a position, counted from 0; the seventh has the colour of the first."""
    return NETWORKS[position % len(NETWORKS)]
