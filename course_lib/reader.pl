# Reads what the kernel says of network namespaces, as a program that is kept: a line in, an answer out.
#
# A line has fields between tabs. The first is printed as the end of the answer; each other one is
#
#     TITLE!COMMAND   what the command prints stands below a line `== TITLE`; the commands run at the same time
#     TITLE@PATH      the same with what the lab's engine answers to GET PATH; nothing at all if it does not
#     KEY=FILE        a network namespace, such as /proc/PID/ns/net: below `== namespaces` a line of its key, its
#                     links and its addresses, netlink messages (rtnetlink(7)) as hexadecimal digits, with those
#                     attributes only that somebody reads
#     KEY~FILE        the same, but `KEY =` if it is as it was the last time: whoever asks still knows that
#
# `nsenter -n ip addr` for each namespace says the same, and costs twenty times as much. Perl is in every Debian.
use strict;

my ($AF_UNIX, $AF_NETLINK, $SOCK_STREAM, $SOCK_RAW, $CLONE_NEWNET, $DUMP, $DONE) = (1, 16, 1, 3, 0x40000000, 0x301, 3);
my $SETNS = qx(uname -m) eq "aarch64\n" ? 268 : 308;    # the number of setns(2) on arm64, and on x86-64
my %LINK = map { $_ => 1 } 1, 3, 4, 5, 10, 16, 18, 37;  # IFLA_ADDRESS, IFNAME, MTU, LINK, MASTER, OPERSTATE, ...
my %ADDRESS = (1 => 1, 2 => 1);                         # IFA_ADDRESS, IFA_LOCAL
my %last;

sub enter {
    my ($namespace) = @_;
    return syscall($SETNS, fileno $namespace, $CLONE_NEWNET) == 0;
}

sub answers {    # the messages that answer a question, as they are
    my ($socket, $question, $body) = @_;
    my $all = "";
    send $socket, pack("LSSLL", 16 + length $body, $question, $DUMP, 1, 0) . $body, 0;
    while (defined recv $socket, my $some, 65536, 0) {
        return $all if unpack("x4 S", $some) <= $DONE;
        $all .= $some;
    }
}

sub brief {    # the messages with the attributes that are wanted, without those about the interface number $but
    my ($all, $head, $wanted, $but) = @_;
    my $kept = "";
    for (my $at = 0; $at < length $all;) {
        my ($length, $type, $index) = unpack "LSx14L", substr $all, $at, 24;
        my $end = $at + (($length + 3) & ~3);
        my $message = substr $all, $at, $head;
        for ($at = $index == $but ? $end : $at + $head; $at < $end;) {
            my ($size, $number) = unpack "SS", substr $all, $at, 4;
            $size = ($size + 3) & ~3 || 4;
            $message .= substr $all, $at, $size if $wanted->{$number & 0x3fff};
            $at += $size;
        }
        $kept .= pack("L", length $message) . substr $message, 4 if $index != $but;
    }
    return unpack "H*", $kept;
}

sub asked {    # a connection to the engine that was asked for a path; it ends with the answer, as in HTTP/1.0
    my ($path) = @_;
    socket my $engine, $AF_UNIX, $SOCK_STREAM, 0 or return;
    connect $engine, pack "S a*", $AF_UNIX, "/run/docker.sock" or return;
    syswrite $engine, "GET $path HTTP/1.0\r\n\r\n" or return;
    return $engine;
}

sub body {    # what the engine answered, without its head; nothing if it refused, or ended meanwhile
    my $answer = join "", readline $_[0];
    return $answer =~ /^\S+ 200 .*?\r\n\r\n(.*\n)\z/s ? $1 : "";
}

open STDERR, ">", "/dev/null";
open my $home, "<", "/proc/self/ns/net";
while (my $line = <STDIN>) {
    chomp $line;
    my ($end, @fields) = split /\t/, $line;
    my (@commands, @asked);
    for (@fields) {
        my ($title, $how, $what) = /^([\w ]+)([!@])(.*)/ or next;
        if ($how eq "@") {
            push @asked, [$title, asked($what) || next];
        } elsif (open my $pipe, "-|", $what) {
            push @commands, [$title, $pipe];
        }
    }
    my ($said, %now) = "== namespaces\n";
    for (@fields) {
        my ($key, $how, $file) = /^(\w+)([=~])(.*)/ or next;
        open my $namespace, "<", $file or next;    # the process has ended meanwhile
        enter($namespace) and socket my $socket, $AF_NETLINK, $SOCK_RAW, 0 or next;
        my $links = answers($socket, 18, pack "x16 SSL", 8, 29, 8);    # RTM_GETLINK, IFLA_EXT_MASK: without some statistics
        my $addresses = answers($socket, 22, pack "x8");               # RTM_GETADDR
        $now{$key} = $links . $addresses;
        my $but = $key =~ /^[0-9a-f]{64}$/ ? 1 : 0;    # every container has a lo, which is number 1 and always the same
        my $known = $how eq "~" && $last{$key} eq $now{$key};
        my @words = $known ? "=" : (brief($links, 32, \%LINK, $but), brief($addresses, 24, \%ADDRESS, $but));
        $said .= "@{[$key, @words]}\n";
    }
    enter($home);
    %last = %now if @commands;    # a whole answer: who is not in it has gone
    @last{keys %now} = values %now;
    $said .= "== $_->[0]\n" . join("", readline $_->[1]) for @commands;
    for (@asked) {
        my $body = body($_->[1]) or next;
        $said .= "== $_->[0]\n$body";
    }
    syswrite STDOUT, "$said$end\n";
}
