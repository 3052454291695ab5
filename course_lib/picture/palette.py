"""Define the colours of the pictures: colour-blind-safe after Okabe and Ito, with a contrast of at least 4.5:1."""

PAPER = "#ffffff"
INK = "#1f2933"
GREY = "#56616d"  # secondary text, and containers that do not run
EDGE = "#9aa5b1"  # borders
HOST = "#f4f6f8"  # the inside of the host
RULES = "#fff6e5"  # the background of a hook
RULES_EDGE = "#b98200"
RULES_INK = "#7a4b00"
ACTIVE = "#b34a00"  # published ports, and counters above 0
ALARM = "#b00020"
ALARM_FILL = "#fff1f1"

# Without vermilion, which is reserved for published ports. The Okabe-Ito green, purple and sky blue are darkened,
# because white text on them is not readable.
NETWORKS = ("#0072b2", "#007a5a", "#9c4477", "#5b4fa0", "#00707f", "#7a5c00")


def network_colour(position: int) -> str:
    """Return the colour of the network at a position, counted from 0; the seventh has the colour of the first."""
    return NETWORKS[position % len(NETWORKS)]
