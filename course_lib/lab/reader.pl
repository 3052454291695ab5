# Reads what the kernel says of network namespaces, as a program that is kept: a line in, an answer out.
#
# A line has fields between tabs. The first is printed as the end of the answer; each other one is
#
#     TITLE!COMMAND   what the command prints stands below a line `== TITLE LINES`, where LINES is how many lines it has;
#                     the commands run at the same time
#     TITLE@PATH      the same with what the lab's engine answers to GET PATH; nothing at all if it does not
#     KEY=FILE        a network namespace, such as /proc/PID/ns/net: below `== namespaces LINES` a line of its key, its
#                     links and its addresses, netlink messages (rtnetlink(7)) as hexadecimal digits, with those
#                     attributes only that somebody reads; or `KEY ! WHY` where the kernel did not tell them
#     KEY~FILE        the same, but `KEY =` if it is as it was the last time: whoever asks still knows that
#
# `nsenter -n ip addr` for each namespace says the same, and costs twenty times as much. Perl is in every Debian.
use strict;

my ($AF_UNIX, $AF_NETLINK, $SOCK_STREAM, $SOCK_RAW, $CLONE_NEWNET) = (1, 16, 1, 3, 0x40000000);
my ($DUMP, $DUMP_INTR, $ERROR, $DONE) = (0x301, 0x10, 2, 3);    # of linux/netlink.h
my $SETNS = qx(uname -m) eq "aarch64\n" ? 268 : 308;    # the number of setns(2) on arm64, and on x86-64
my %LINK = map { $_ => 1 } 1, 3, 4, 5, 10, 16, 18, 37;  # IFLA_ADDRESS, IFNAME, MTU, LINK, MASTER, OPERSTATE, ...
my %ADDRESS = (1 => 1, 2 => 1);                         # IFA_ADDRESS, IFA_LOCAL
my %last;

sub enter {
    my ($namespace) = @_;
    return syscall($SETNS, fileno $namespace, $CLONE_NEWNET) == 0;
}

sub answers {    # the messages that answer a question, as they are, and why these are not all
    my ($socket, $question, $body) = @_;
    my ($all, $why) = ("", "");
    send $socket, pack("LSSLL", 16 + length $body, $question, $DUMP, 1, 0) . $body, 0 or return ("", "$!");
    while (defined recv $socket, my $some, 65536, 0) {
        for (my $at = 0; $at + 16 <= length $some;) {    # the end may be in one datagram with data, as in Linux 6.9
            my ($length, $type, $flags, $code) = unpack "LSSx8l", substr $some, $at, 20;
            if ($type == $ERROR || $type == $DONE) {    # both carry 0 or a negative error number
                $why = "the kernel said: " . ($! = -$code) if $code && $code < 0;
                return ($all, $why);
            }
            $why = "it changed while the kernel listed it" if $flags & $DUMP_INTR;
            $length = ($length + 3) & ~3 || 16;
            $all .= substr $some, $at, $length;
            $at += $length;
        }
    }
    return ($all, "the kernel said: $!");    # ENOBUFS: messages were lost
}

sub dumped {    # the same in the namespace that this program is in, asked again where they were not all
    my ($question, $body) = @_;
    my ($all, $why);
    for (1 .. 3) {
        socket my $socket, $AF_NETLINK, $SOCK_RAW, 0 or return ("", "$!");
        ($all, $why) = answers($socket, $question, $body);
        last unless $why;
    }
    return ($all, $why);
}

sub section {
    my ($title, $body) = @_;
    $body .= "\n" unless $body =~ /(?:^|\n)\z/;
    return "== $title " . ($body =~ tr/\n//) . "\n$body";
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
    my ($lines, %now) = "";
    for (@fields) {
        my ($key, $how, $file) = /^(\w+)([=~])(.*)/ or next;
        open my $namespace, "<", $file or next;    # the process has ended meanwhile
        my $why = enter($namespace) ? "" : "it cannot be entered: $!";
        my ($links, $addresses) = ("", "");
        # RTM_GETLINK (with IFLA_EXT_MASK: without some statistics) and RTM_GETADDR
        ($links, $why) = dumped(18, pack "x16 SSL", 8, 29, 8) unless $why;
        ($addresses, $why) = dumped(22, pack "x8") unless $why;
        if ($why) {
            $lines .= "$key ! $why\n";
            next;
        }
        $now{$key} = $links . $addresses;
        my $but = $key =~ /^[0-9a-f]{64}$/ ? 1 : 0;    # every container has a lo, which is number 1 and always the same
        my $known = $how eq "~" && $last{$key} eq $now{$key};
        my @words = $known ? "=" : (brief($links, 32, \%LINK, $but), brief($addresses, 24, \%ADDRESS, $but));
        $lines .= "@{[$key, @words]}\n";
    }
    enter($home);
    %last = %now if @commands;    # a whole answer: who is not in it has gone
    @last{keys %now} = values %now;
    my $said = section("namespaces", $lines);
    $said .= section($_->[0], join "", readline $_->[1]) for @commands;
    for (@asked) {
        my $body = body($_->[1]) or next;
        $said .= section($_->[0], $body);
    }
    syswrite STDOUT, "$said$end\n";
}
