"""Judge genid: an image of your own, a container that writes a page to a folder of the host, and nginx serving it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from textwrap import dedent

from course_lib.exercises.checks import Check, Finding, Probe, Result, Seed, Seen, Value, Values
from course_lib.exercises.reachability import CLIENT, HOST, addresses, listener_of, not_paused, published, while_paused
from course_lib.exercises.rendered_text import Browser
from course_lib.network.model import Snapshot

WRITER, SERVER = "genid", "nginx"
# The heads of some figures of boxes(1), which do not depend on the text inside. No learner gets the boy, the source's.
FIGURES = {
    "boy": (r'.-"""-.', r"/ .===. \ ", r"\/ 6 6 \/", r"( \___/ )"),
    "girl": (r'   .-"""-.', r"  / .===. \ ", r" / / a a \ \ ", r"/ ( \___/ ) \ "),
    "santa": (r'  .-"``"-.', r" /______; \ ", r"{_______}\|", r"(/ a a \)(_)"),
    "cat": (r"  /\             /\ ", r' |`\\_,--="=--,_//`|', r""" \ ."  :'. .':  ". /""", r"==)  _ :  '  : _  (=="),
    "dog": (r'  __   _,--="=--,_   __', r' /  \."    .-.    "./  \ ', r"/  ,/  _   : :   _  \/` \ "),
    "mouse": (r" .--,       .--,", r"( (  \.---./  ) )", r""" '.__/o   o\__.'"""),
    "bear": (r"   ,---.           ,---.", '  / /"`.\\.--"""--./,\'"\\ \\ ', r"  \ \    _       _    / /"),
}
LIKE = 0.6  # the similarity (difflib) above which another name counts as a spelling mistake

# What happens to index.html in a folder, by inotify(7), until it was renewed three times: the time, what the kernel
# calls it, the file's size then; at last how many different persons were read. The numbers are those of linux/inotify.h
# and of asm/unistd.h; there is no other way to them, because the lab's Perl is the small one of perl-base.
# Two names that are exchanged (renameat2(2), RENAME_EXCHANGE) are two pairs of events, and index.html is never missing:
# what was moved away goes to the name from which the new one came.
WATCH = r"""
use strict;
my ($dir, $life, $apart) = @ARGV;
my $machine = `uname -m`;
my ($init, $add) = $machine =~ /x86_64/ ? (294, 254) : $machine =~ /aarch64/ ? (26, 27) : die "not on $machine";
my %kinds = (2, "modified", 8, "closed", 64, "moved away", 128, "moved in", 256, "created", 512, "deleted");
sub now { open my $f, "<", "/proc/uptime"; (split " ", <$f>)[0] }
sub person { my @lines = split /\n/, shift; my ($n) = grep $lines[$_] =~ /xxx-xxxx/, 0 .. $#lines;
    defined $n && $n > 2 ? join "\n", @lines[$n - 3 .. $n] : join "\n", @lines }
my $fd = syscall($init, 04000);
syscall($add, $fd, $dir, 2 + 8 + 64 + 128 + 256 + 512) < 0 and die "$dir cannot be watched: $!\n";
open my $in, "<&=", $fd or die;
my ($began, $last, $renewed, $lines, %persons) = (now(), -9, 0, 0);
while ((my $t = now() - $began) < $life) {
    last if $renewed == 3 && $t - $last > $apart;
    vec(my $ready = "", $fd, 1) = 1;
    select($ready, undef, undef, 0.05);
    sysread($in, my $events, 65536) or next;
    my (@batch, %from, %to);
    while (length $events) {
        my (undef, $mask, $cookie, $length) = unpack "i L L L", $events;
        my $name = unpack "Z*", substr $events, 16, $length;
        substr($events, 0, 16 + $length) = "";
        push @batch, [$mask & 0x3ca, $cookie, $name];
        $from{$cookie} = $name if $mask & 64;
        $to{$cookie} = $name if $mask & 128;
    }
    my ($away) = map $to{$_->[1]}, grep $_->[0] == 64 && $_->[2] eq "index.html", @batch;
    my ($came) = map $from{$_->[1]}, grep $_->[0] == 128 && $_->[2] eq "index.html", @batch;
    my $exchanged = defined $away && defined $came && $away eq $came;
    for (grep $_->[2] eq "index.html", @batch) {
        my $kind = $_->[0];
        next if $exchanged && $kind == 64;
        $renewed++ if $t - $last > $apart;
        $last = $t;
        printf "%.2f %s %d\n", $t, $kinds{$kind}, -s "$dir/index.html" if $lines++ < 60;
        next unless $kind & 136;
        printf "%.2f unreadable %d\n", $t, -s _ if (stat "$dir/index.html") && !(4 & (stat _)[2]);
        if (open my $page, "<", "$dir/index.html") { local $/; $persons{person(<$page>)} = 1 }
    }
}
printf "persons %d\n", scalar keys %persons;
"""
APART = 0.5  # seconds: events with less between them belong to one renewal of the page
SLACK = 0.8  # seconds that one round of the writer may take besides its pause, on a busy machine


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    left, right = seed.choice("pair", ("salt pepper", "bread butter", "needle thread", "lock key", "pen paper")).split()
    word = seed.choice("word", ("and", "or", "with"))
    # Names of letters that HTML knows also without a semicolon.
    mark = f"&{seed.choice('mark', ('copy', 'reg', 'para', 'sect', 'deg', 'times'))} {seed.number('year', 1900, 1999)}"
    return {
        "figure": seed.choice("figure", tuple(sorted(FIGURES.keys() - {"boy"}))),
        "motto": f"{left} <{word}> {right} {mark}",
        "folder": f"/srv/{seed.choice('place', ('lobby', 'hall', 'porch', 'foyer'))}-{seed.number('folder', 10, 99)}",
        "port": seed.number("port", 8100, 8899),
        "interval": seed.number("interval", 1, 3),
    }


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: the folder, the page, where they come from, and how the page changes."""
    url, page = f"http://{HOST}:{values['port']}/", f"{values['folder']}/index.html"
    interval = int(values["interval"])
    there = [c is not None and c.state == "running" for c in map(network.container, (WRITER, SERVER))]
    mounts = "docker inspect -f '{{{{range .Mounts}}}}{{{{.Source}}}} at {{{{.Destination}}}}, {{{{end}}}}' {}".format
    get = f"curl -fs -m 3 {url}"
    window = 3 * (interval + SLACK)
    watch = shlex.join(["perl", "-e", WATCH, str(values["folder"]), f"{window:.1f}", str(APART)])
    return {
        "file": Probe("host", f"test -s {page}", 3.0 if there[0] else 0.0),
        "writer mounts": Probe("host", mounts(WRITER)),
        "server mounts": Probe("host", mounts(SERVER)),
        "answer": Probe(
            "client",
            f"curl -s -m 3 -o /dev/null -w '%{{http_code}} %{{content_type}}' {url}",
            3.0 if all(there) else 0.0,
        ),
        # If the page is being renewed, either the old or the new one is right.
        "same": Probe(
            "host",
            f"for n in 1 2 3; do before=$(cat {page}); got=$(ip netns exec client {get}); after=$(cat {page});"
            ' [ -n "$got" ] && { [ "$got" = "$before" ] || [ "$got" = "$after" ]; } && exit; sleep 0.3; done; false',
        ),
        # The second source in the conntrack entry is the address from which the kernel expects the answers.
        "source": Probe(
            "host",
            f"reply=$(conntrack -L -p tcp --orig-src {CLIENT} --orig-port-dst {values['port']} 2>/dev/null"
            " | tail -n 1 | grep -oE 'src=[0-9.]+ dst=[0-9.]+ sport=[0-9]+' | tail -n 1); echo $reply; "
            + listener_of(SERVER, "${reply##*=}"),
        ),
        # If no page comes, do not wait for the next one; ask again first, as a page may be missing for a moment.
        "watch": Probe(
            "host",
            f"for n in 1 2 3; do {get} -o /dev/null && exec {watch}; sleep 0.3; done; false",
            timeout=window + 5,
        ),
        # Just after it was renewed the page is complete, however it is written.
        "page": Probe("client", get),
        "paused": Probe(
            "host",
            f"{get} -o /dev/null || exit; "
            + while_paused(
                WRITER,
                f"was=$(stat -Lc '%i %y' {page}); sleep {interval + SLACK:.1f};"
                f' now=$(stat -Lc \'%i %y\' {page}); [ -n "$was" ] && [ "$was" = "$now" ]',
            ),
            timeout=interval + 7,
        )
        if there[0]
        else Probe("host", "false"),
        "programs": Probe(WRITER, "for name in rig boxes; do command -v $name || exit; done"),
    }


def shown(seen: Seen) -> tuple[list[str], set[int]]:
    """Return the lines of the page as a browser shows them, and the indices of those in a proportional font."""
    page = seen.results["page"].output
    if "text/plain" in seen.results["answer"].output:
        return page.expandtabs().splitlines(), set()
    browser = Browser(page)
    return browser.lines, browser.uneven


def tight(text: str) -> str:
    """Return a text without its spaces."""
    return "".join(text.split()).replace("\xa0", "")


def aligned_at(lines: Sequence[str], head: Sequence[str]) -> int | None:
    """Return the index of the line where the head of a figure begins, aligned; None if it does nowhere."""
    wanted = [line.rstrip() for line in dedent("\n".join(head)).split("\n")]
    for start in range(len(lines) - len(head) + 1):
        if [line.rstrip() for line in dedent("\n".join(lines[start : start + len(head)])).split("\n")] == wanted:
            return start
    return None


def absent(seen: Seen, name: str) -> Finding | None:
    """Return the finding for a container that is not running, None if it runs."""
    container = seen.network.container(name)
    if container is None:
        near = get_close_matches(name, [c.name for c in seen.network.containers], 1, LIKE)
        if near and near[0] not in {WRITER, SERVER}:
            return Finding(f"there is no container {name}, but one is called {near[0]}", "misspelt")
        return Finding(f"there is no container {name}", "absent")
    if container.state != "running":
        return Finding(f"the container {name} is {container.state}", "ended")
    return None


def mounts(result: Result) -> str:
    """Return a container's mounts in words."""
    return result.output.strip().rstrip(",") or "nothing"


def writer(seen: Seen) -> Finding:
    """Judge whether the writing container runs."""
    return absent(seen, WRITER) or Finding(f"{WRITER} runs")


def folder(seen: Seen) -> Finding:
    """Judge whether the page is where it should be on the host."""
    if seen.results["file"].ok:
        return Finding("the page is there")
    there = mounts(seen.results["writer mounts"])
    found = f"no page in {seen.values['folder']}; {WRITER} has of the host: {there}"
    if there == "nothing":
        return Finding(found, "no-folder")
    inside = {place.partition(" at ")[0] for place in there.split(", ")}
    return Finding(found, "unwritten" if seen.values["folder"] in inside else "other-place")


def served(seen: Seen) -> Finding:
    """Judge what the client gets, and from whom."""
    values, said = seen.values, seen.results["answer"]
    if seen.results["same"].ok:
        who = seen.results["source"].output.partition(" ")[0].removeprefix("src=")
        if seen.results["source"].ok and who in addresses(seen.network, SERVER):
            return Finding(f"the client gets the page, from {SERVER}")
        if finding := absent(seen, SERVER):
            return finding
        return Finding(f"the page comes from {who or 'an unknown address'}, not from {SERVER}", "somebody-else")
    if finding := absent(seen, SERVER):
        return finding
    there = mounts(seen.results["server mounts"])
    if said.output.startswith("200"):
        return Finding(f"another page comes than the one in {values['folder']}; {SERVER} has: {there}", "stale")
    if said.output.startswith("403"):
        return Finding(f"{SERVER} answers 403; it has of the host: {there}", "forbidden")
    ports = published(seen.network, SERVER)
    out = ", ".join(f"{p.host_port} to {p.container_port}" for p in ports) or "none"
    found = f"{f'status {said.output[:3]}' if said.ok else said.words}; published ports of {SERVER}: {out}"
    return Finding(found, "silent" if any(p.host_port == values["port"] for p in ports) else "other-port")


def figure(seen: Seen) -> Finding:
    """Judge the figure on the page, without its alignment."""
    text = tight("".join(shown(seen)[0]))
    found = [name for name, head in FIGURES.items() if tight("".join(head)) in text]
    if seen.values["figure"] not in found:
        return Finding(f"figures on the page: {', '.join(found) or 'none that is known'}", "other-figure")
    if "xxx-xxxx" not in text:
        return Finding("the figure is there, but no person of rig", "no-person")
    return Finding(f"a {found[0]} with a person")


def aligned(seen: Seen) -> Finding:
    """Judge how a browser shows the figure."""
    lines, uneven = shown(seen)
    head = FIGURES[str(seen.values["figure"])]
    start = aligned_at(lines, head)
    if start is not None and uneven & set(range(start, start + len(head))):
        return Finding("the lines are right, but their letters are of different widths", "proportional")
    if start is not None:
        return Finding("in a browser the figure is as boxes drew it")
    split = aligned_at([line.strip() for line in lines], [line.strip() for line in head]) is not None
    words = "each line is there, its spaces are gone" if split else "the lines have run together"
    return Finding(f"in a browser {words}", "ragged" if split else "run-together")


def escaped(seen: Seen) -> Finding:
    """Judge how a browser shows the motto."""
    lines, motto = shown(seen)[0], str(seen.values["motto"])
    person = next((line for line in lines if "xxx-xxxx" in line), "")
    left, word, right = re.split(r"\s*[<>]\s*", motto)
    line = next((line for line in lines if left in line and right.split(" &")[0] in line), None)
    if line is None:
        return Finding("the motto is not on the page", "no-motto")
    found = f"a browser shows: {line.strip()}"
    if motto in line and not all(part.strip() for part in line.split(motto, 1)):
        return Finding(f"{found}, outside of the frame", "outside-figure")
    if motto in line:
        # In some figures the border goes in and out by one.
        if abs(len(line.rstrip()) - len(person.rstrip())) <= 1:
            return Finding(found)
        return Finding(f"the motto is right, but {len(person) - len(line)} too narrow for its frame", "too-early")
    if "&lt;" in line or "&amp;" in line:
        return Finding(found, "twice")
    if f"<{word}>" in line:
        return Finding(found, "no-motto" if "&" in line else "half-escaped")
    return Finding(found, "markup")


def renewals(seen: Seen) -> tuple[list[list[tuple[float, str, int]]], int]:
    """Return the events of each renewal of the page (seconds, event, bytes), and how many persons there were."""
    times: list[list[tuple[float, str, int]]] = []
    said = seen.results["watch"].output
    for at, what, size in re.findall(r"^(\d+\.\d+) (\D+) (\d{1,9})$", said, re.M):
        if not times or float(at) - times[-1][-1][0] > APART:
            times.append([])
        times[-1].append((float(at), what, int(size)))
    persons = re.search(r"^persons (\d{1,9})$", said, re.M)
    return times, int(persons[1]) if persons else 0


def renewed(seen: Seen) -> Finding:
    """Judge how often there is a new page, and who writes it."""
    interval = int(seen.values["interval"])
    times, persons = renewals(seen)
    if len(times) == 1 and len(times[0]) > 10:
        return Finding("the page is renewed again and again without a pause", "often")
    if len(times) < 2:
        return Finding(f"in {3 * (interval + SLACK):.0f} s the page was renewed {len(times)} times", "seldom")
    pause = min(b[0][0] - a[0][0] for a, b in pairwise(times))
    found = f"from one page to the next it is {pause:.1f} s"
    if pause > interval + SLACK:
        return Finding(found, "seldom")
    if pause < interval - 0.5:
        return Finding(found, "often")
    if persons < 2:
        return Finding(f"{found}, but it is the same person", "same-person")
    if words := not_paused(seen.results["paused"].output, WRITER):
        return Finding(f"{found}; {words}")
    if not seen.results["paused"].ok:
        return Finding(f"{found}, also while {WRITER} is paused", "not-genid")
    if not seen.results["programs"].ok:
        return Finding(f"{found}; {WRITER} does not have both rig and boxes", "no-programs")
    return Finding(f"{found}; while {WRITER} is paused it stays the same")


def replaced(seen: Seen) -> Finding:
    """Judge whether a reader always gets a complete page."""
    events = [what for time in renewals(seen)[0] for _, what, _ in time]
    smallest = min((size for time in renewals(seen)[0] for _, _, size in time), default=0)
    counted = ", ".join(f"{what} {events.count(what)} times" for what in dict.fromkeys(events))
    found = f"index.html was: {counted}; its smallest size then was {smallest} bytes"
    if "unreadable" in events:
        return Finding(f"{found}, and only its owner may read it", "unreadable")
    if "deleted" in events or "moved away" in events:
        return Finding(found, "copied" if "modified" in events else "removed")
    return Finding(found, "truncated" if "modified" in events else "")


GONE = {
    "absent": "`docker ps -a` shows all containers, and none of that name. Did a command of yours complain?",
    "misspelt": "A container can have any name, also a misspelt one. Read yours letter by letter.",
    "ended": "The container does not run. `docker ps -a` shows its state; if it has ended, `docker logs` may show why.",
}
CHECKS = (
    Check(
        name="writer",
        points=1,
        wanted="A container genid runs.",
        judge=writer,
        hints=GONE,
        steps=(
            "`docker ps -a` shows what was started and what became of it.",
            "An image has to be built before a container can be created from it. `docker images` lists them.",
            "A script is run by its first line, and only if it is executable. It must not come to its end.",
        ),
    ),
    Check(
        name="folder",
        points=2,
        wanted="The page is {folder}/index.html on the host.",
        judge=folder,
        evidence=("file",),
        rests_on=("writer",),
        hints={
            "no-folder": "What genid writes stays in genid. It is lost with the container, and nobody else sees it.",
            "other-place": "genid does share something with the host, but it is not {folder}. A path that begins with "
            "`./` counts from where you stand, a word alone is a volume.",
            "unwritten": "genid has your folder, and no index.html comes into it. Where in the container does the "
            "script write, and where is the folder there? `docker logs genid` may say more.",
        },
        steps=(
            "Look at Mounts in `docker inspect genid`: which folder of the host is where in the container?",
            "`docker exec genid ls` shows the same folder from inside.",
            "A whole path leaves no doubt. Chapter 06 has two ways to give one to `docker run`.",
        ),
    ),
    Check(
        name="served",
        points=2,
        wanted="The client gets that page from port {port} of the host, and a container nginx sends it.",
        judge=served,
        evidence=("answer",),
        rests_on=("folder",),
        hints={
            **GONE,
            "forbidden": "nginx has no index.html to send. Compare the two folders of the host letter by letter.",
            "stale": "nginx has an index.html, and not the one that genid writes now. Does it have the folder, or "
            "something that was in it once?",
            "somebody-else": "The right page comes, but not from the container. Who listens there? `ss -ltnp`",
            "other-port": "Port {port} of the host does not lead to nginx: `docker ps` shows the published ports.",
            "silent": "Port {port} leads into nginx, and no page comes from there. `docker logs nginx` says more.",
        },
        steps=(
            "Ask as the client does: `%%client` and `curl -v http://203.0.113.10:{port}/`.",
            "`docker inspect` shows the folders of both containers, `docker logs nginx` what it misses.",
            "Both need the same folder of the host, nginx where it looks for pages: /usr/share/nginx/html.",
        ),
    ),
    Check(
        name="figure",
        points=1,
        wanted="On the page is a {figure} of boxes, and in it a person of rig.",
        judge=figure,
        rests_on=("served",),
        hints={
            "other-figure": "`boxes -d` chooses the figure. Whose is the one on the page?",
            "no-person": "What goes into boxes has no line with a telephone number, the last one of a person of rig.",
        },
        steps=(
            "Read the page with `curl`, not in a browser: what is in it?",
            "Try the line of your script by hand: `docker run --rm --entrypoint bash genid -c '...'`.",
            "`boxes -l` lists all figures.",
        ),
    ),
    Check(
        name="aligned",
        points=1,
        wanted="In a browser the {figure} stands as boxes drew it.",
        judge=aligned,
        rests_on=("figure",),
        hints={
            "run-together": "For a browser a line end is a space, and many spaces are one. The page does not say that "
            "here they mean something.",
            "ragged": "The lines end where they should, but where there were several spaces one is left, or none.",
            "proportional": "An i is narrower than an m, unless the page asks for letters that are all equally wide.",
        },
        steps=(
            "`curl` shows bytes, a browser shows HTML. Open the page by `print(url({port}))`.",
            "Which element of HTML keeps spaces and line ends? Chapter 06 has it.",
            "What you need stands once before the figure and once behind it.",
        ),
    ),
    Check(
        name="escaped",
        points=2,
        wanted="In a browser the motto stands in the figure letter by letter: {motto}",
        judge=escaped,
        rests_on=("aligned",),
        hints={
            "no-motto": "In the figure there is a person, but no line with your motto. In a shell `<`, `>` and `&` "
            "mean something, too, unless they are quoted.",
            "markup": "A browser takes what is between < and > for an element, and & for the beginning of a letter's "
            "name. In text each of the three is written differently.",
            "half-escaped": "The < is text now. What begins with & is still taken for the name of a letter.",
            "twice": "A browser shows what should have stood in the file. Something was escaped twice: in which order?",
            "outside-figure": "The motto is on the page, next to the figure. It has to be part of the text that "
            "boxes draws its frame around.",
            "too-early": "The motto is right, and its frame is bent: boxes counted other letters than a browser shows. "
            "Which of the two has to come first, the frame or the escaping?",
        },
        steps=(
            "Compare what `curl` prints with what the browser shows.",
            "Three characters must be written differently in HTML. `sed` can do it, one after the other.",
            "The order matters twice: among the three characters, and between `boxes` and `sed`.",
        ),
    ),
    Check(
        name="renewed",
        points=1,
        wanted="Every {interval} s genid writes a page with another person, and nobody else writes it.",
        judge=renewed,
        rests_on=("served",),
        hints={
            "seldom": "The page gets older than {interval} s. How long does your script wait?",
            "often": "The page changes sooner than after {interval} s. How long does your script wait?",
            "same-person": "The file is written again and again with the same text. When does rig run?",
            "no-programs": "The page changes in time, but genid cannot make it: rig or boxes is not in its image. "
            "Which image does `docker inspect genid` name, and what was installed in it?",
            "not-genid": "The page changes while genid is paused. Somebody else writes to the folder.",
        },
        steps=(
            "Watch the file: `stat -c %y {folder}/index.html`, several times.",
            "A loop runs forever if its condition is always true.",
            "What has to be new in each page has to stand inside the loop.",
        ),
    ),
    Check(
        name="replaced",
        points=2,
        wanted="A reader always gets the old page or the new one, never none and never half of it, also while it is "
        "renewed.",
        judge=replaced,
        rests_on=("renewed",),
        hints={
            "truncated": "The file itself is written to: the shell empties it first, and until all is written a reader "
            "gets too little.",
            "removed": "For a moment there is no index.html. Does the old one have to go before the new one comes?",
            "unreadable": "For a moment only its owner may read the new page, and nginx answers 403. Look at its mode "
            "before it takes the other's place.",
            "copied": "The old page is deleted, and the new one is written under its name bit by bit. `mv` does that "
            "between two file systems.",
        },
        steps=(
            "Think of a reader who comes at the worst moment of your script. What does the folder hold then?",
            "`docker exec genid df` shows which folders are file systems of their own.",
            "A finished file can take the place of another in one step. Chapter 06, It goes wrong, shows it.",
        ),
    ),
)
