# Asks who answers whom: run by perl on the lab's host, with its questions in lines on standard input.
#
# A line has fields between tabs:
#
#     namespace KEY FILE ETC       a network namespace such as /proc/PID/ns/net, and the folder of its hosts file
#     ask NUMBER KEY KIND ADDRESS PORT TEXT
#                                  send one packet from there: KIND is tcp (a SYN, which the kernel answers; no process
#                                  is told, as the kernel resets the connection before it is open), ping, dns (a query
#                                  for TEXT, such as "A web"), or udp (the same, from a port of its own)
#
# Without a question, it prints who listens where. With some, it asks twice: everything first; then, traced, what was
# not answered. It prints the sections (course_lib/network/sections.py) that reach_ask.py names. The trace is that of
# capture.sh: a table that belongs to its nft and ends with it. This Perl is all in Debian's essential perl-base.
use strict;
use Config;
use IPC::Open2;
use POSIX ();
use Socket qw(:all);

my ($CLONE_NEWNET, $SETNS) = (0x40000000, $Config{archname} =~ /^aarch64/ ? 268 : 308);    # as in reader.pl
my ($FIRST, $PORTS) = (61000, 4000);    # our source ports and ids of echo requests: outside of ip_local_port_range
my ($QUIET, $PATIENT) = (0.35, 1);      # seconds to wait after the last answer: for others, and for name servers
my (%file, %etc, @questions);
while (<STDIN>) {
    chomp;
    my ($what, @fields) = split /\t/, $_, -1;
    ($file{$fields[0]}, $etc{$fields[0]}) = @fields[1, 2] if $what eq "namespace";
    push @questions, [@fields] if $what eq "ask";
}

sub section {
    my ($title, $body) = @_;
    $body .= "\n" unless $body =~ /(?:^|\n)\z/;
    print "== $title " . ($body =~ tr/\n//) . "\n$body";
}

sub output {    # what a command prints
    my $text = `$_[0]`;
    return $text;
}

sub content {    # of a file, at most 1 MiB; empty if there is none, or if a learner has put something else in its place
    -f $_[0] && open my $file, "<", $_[0] or return "";
    read $file, my $text, 1 << 20;
    return $text;
}

sub now { return (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }    # seconds; no clock that may be set

sub within {    # run code in a process in each of these namespaces, all at once, and return what they print, by key
    my ($code, @keys) = @_;
    my (%pipe, %said);
    for my $key (@keys) {
        my $child = open $pipe{$key}, "-|";
        next if $child;
        open my $namespace, "<", $file{$key} or POSIX::_exit(0);
        syscall($SETNS, fileno $namespace, $CLONE_NEWNET) == 0 or POSIX::_exit(0);
        my $text = $code->($key);
        while (length $text) { substr $text, 0, syswrite(STDOUT, $text) || last, "" }
        POSIX::_exit(0);
    }
    for my $key (@keys) { local $/; $said{$key} = readline $pipe{$key}; close $pipe{$key} }
    return \%said;
}

sub checksum {    # RFC 1071
    my $sum = unpack "%32n*", $_[0] . "\0";
    $sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2;
    return ~$sum & 0xffff;
}

sub segment {    # a SYN from our port (RFC 9293, 3.1); of IPv6 the kernel adds the checksum
    my ($from, $to, $source, $port) = @_;
    my $head = pack "nnNNCCnnn", $source, $port, int rand 2**32, 0, 5 << 4, 2, 64240, 0, 0;
    substr $head, 16, 2, pack "n", checksum($from . $to . pack("xCn", 6, 20) . $head) if length $to == 4;
    return $head;
}

sub query {    # a DNS query (RFC 1035, 4.1) with this id, for the type and the name in a text
    my ($id, $text) = @_;
    my ($type, $name) = split / /, $text;
    my $labels = join "", map { pack "C/a", $_ } grep { length } split /\./, $name;
    return pack("nnnnnn", $id, 0x100, 1, 0, 0, 0) . $labels . pack "xnn", {A => 1, NS => 2, AAAA => 28}->{$type}, 1;
}

sub told {    # what a DNS answer says: the code, and the addresses
    my ($data) = @_;
    my ($code, $count, $at, @found) = ((unpack "n", substr $data, 2) & 15, (unpack "n", substr $data, 6), 12);
    my $skip = sub {
        while ($at < length $data) {
            my $size = ord substr $data, $at++, 1;
            return if $size == 0;
            $at += $size >= 192 ? 1 : $size;
            return if $size >= 192;
        }
    };
    $skip->();
    $at += 4;
    for (1 .. $count) {
        $skip->();
        last if $at + 10 > length $data;
        my ($type, undef, undef, $size) = unpack "nnNn", substr $data, $at, 10;
        push @found, inet_ntop($size == 4 ? AF_INET : AF_INET6, substr $data, $at + 10, $size) if $type == 1 || $type == 28;
        $at += 10 + $size;
    }
    return "$code " . join ",", @found;
}

sub route {    # the source address for a destination, without sending anything; dies with the kernel's reason
    my ($family, $goal) = @_;
    socket my $probe, $family, SOCK_DGRAM, 0 or die "$!\n";
    connect $probe, $goal or die "$!\n";
    return ($family == AF_INET ? unpack_sockaddr_in(getsockname $probe) : unpack_sockaddr_in6(getsockname $probe))[1];
}

sub ask {    # ask these questions in this namespace, and return a line for each: its number and what came of it
    my (@asked) = @_;
    my (%raw, %waits, %by, $text);
    my $open = sub {
        my ($family, $type, $protocol, $peer, $port) = @_;
        return $raw{"$family $protocol " . ($port // "") . ($peer // "")} //= do {
            socket my $socket, $family, $type, $protocol or die "$!\n";
            setsockopt $socket, SOL_SOCKET, 33, pack "i", 8 << 20;    # SO_RCVBUFFORCE
            bind $socket, $family == AF_INET ? pack_sockaddr_in($port, INADDR_ANY) : pack_sockaddr_in6($port, IN6ADDR_ANY)
                or die "$!\n" if $port;
            connect $socket, $peer or die "$!\n" if $peer;           # so that a refusal is told
            setsockopt $socket, IPPROTO_IPV6, 7, pack "i", 16 if $family == AF_INET6 && $protocol == 6;    # IPV6_CHECKSUM
            $socket;
        };
    };
    my $done = sub {
        my ($mark, $words) = @_;
        my ($number, $from, $own) = @{delete $waits{$mark} // return};
        $text .= "$number\t$own\t$from\t$words\n";
        return 1;
    };
    my $last = now();
    while (@asked || %waits) {
        for (splice @asked, 0, 24) {
            my ($number, undef, $kind, $address, $port, $what, $own) = @$_;
            my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
            my ($binary, $from) = (inet_pton($family, $address), "");
            my $goal = sub { $family == AF_INET ? pack_sockaddr_in($_[0], $binary) : pack_sockaddr_in6($_[0], $binary) };
            eval {
                $from = route($family, $goal->($port || 9));
                my $icmp = $family == AF_INET ? 1 : 58;
                $open->($family, SOCK_RAW, $icmp);                    # which gets the errors
                my ($socket, $to, $packet) = $kind eq "tcp"
                    ? ($open->($family, SOCK_RAW, 6), $goal->(0), segment($from, $binary, $own, $port))
                    : $kind ne "ping" ? ($open->($family, SOCK_DGRAM, 17, $goal->($port), $kind eq "udp" && $own), undef, query($own, $what))
                    : ($open->($family, SOCK_RAW, $icmp), $goal->(0), pack "CCnnn", $family == AF_INET ? 8 : 128, 0, 0, $own, 1);
                substr $packet, 2, 2, pack "n", checksum($packet) if $kind eq "ping" && $family == AF_INET;
                $waits{"$kind $own"} = [$number, inet_ntop($family, $from), $own];
                $waits{"$kind $own"}[3] = $socket;
                defined($to ? send $socket, $packet, 0, $to : send $socket, $packet, 0) or die "$!\n";
                1;
            } or do {
                chomp(my $why = $@);
                $waits{"$kind $own"} //= [$number, $from && inet_ntop($family, $from), $own];
                $done->("$kind $own", "error\t$why");
            };
            $last = now();
        }
        my $ready = "";
        vec($ready, fileno $_, 1) = 1 for values %raw;
        if (select $ready, undef, undef, @asked ? 0.002 : 0.05) {
            for (keys %raw) {
                my ($family, $protocol) = split / /;
                next unless vec $ready, fileno $raw{$_}, 1;
                my $peer = recv $raw{$_}, my $data, 4096, 0;
                if (!defined $peer) {    # an ICMP error, which a connected socket reports
                    my $socket = $raw{$_};
                    $done->($_, "reset\t0") for grep { $waits{$_}[3] == $socket } keys %waits;
                    next;
                }
                my ($ttl, $at) = (0, 0);
                if ($family == AF_INET && $protocol != 17) { ($ttl, $at) = (ord(substr $data, 8, 1), 4 * (15 & ord $data)) }
                my $body = substr $data, $at;
                next if length $body < 8;
                $last = now() if heard($family, $protocol, $body, $ttl, $peer, $done);
            }
        }
        last if !@asked && now() - $last > (grep({ /^dns/ } keys %waits) ? $PATIENT : $QUIET);
    }
    $done->($_, "silent") for keys %waits;
    return $text;
}

sub heard {    # read one packet that came in
    my ($family, $protocol, $body, $ttl, $peer, $done) = @_;
    if ($protocol == 17) {
        my $own = unpack "n", $body;
        return $done->("dns $own", "answer\t0\t" . told($body)) || $done->("udp $own", "answer\t0\t");
    }
    if ($protocol == 6) {
        my ($own, $flags) = (unpack("x2n", $body), ord substr $body, 13, 1);
        return $done->("tcp $own", $flags & 4 ? "reset\t$ttl" : "answer\t$ttl\t") if $flags & 4 || ($flags & 0x12) == 0x12;
        return;
    }
    my ($type, $code) = unpack "CC", $body;
    return $done->("ping " . unpack("x4n", $body), "answer\t$ttl\t") if $type == ($family == AF_INET ? 0 : 129);
    return unless $type == ($family == AF_INET ? 3 : 1);    # "destination unreachable" quotes the packet
    my $quoted = substr $body, 8;
    my ($inner, $at) = $family == AF_INET ? (ord(substr $quoted, 9, 1), 4 * (15 & ord $quoted)) : (ord(substr $quoted, 6, 1), 40);
    return if length $quoted < $at + 8;
    my $own = unpack $inner == 1 || $inner == 58 ? "x4n" : "n", substr $quoted, $at;
    my $from = $family == AF_INET ? (unpack_sockaddr_in $peer)[1] : (unpack_sockaddr_in6 $peer)[1];
    return $done->(($inner == 6 ? "tcp" : $inner == 17 ? "udp" : "ping") . " $own", "icmp\t$code\t" . inet_ntop($family, $from));
}

sub round {    # ask in all namespaces at once
    my (@asked) = @_;
    my %of;
    push @{$of{$_->[1]}}, $_ for @asked;
    my $said = within(sub { ask(@{$of{$_[0]}}) }, sort keys %of);
    return join "", map { $said->{$_} // "" } sort keys %of;
}

sub until_true {    # poll for at most some seconds
    my ($seconds, $check) = @_;
    my $end = now() + $seconds;
    until ($check->()) { return if now() > $end; select undef, undef, undef, 0.005 }
    return 1;
}

sub netlink {    # the columns Rmem and Drops of the socket of netfilter (family 12) that hears traces; empty if there is none
    return map { my @is = split; $is[1] eq "12" && $is[3] eq "00000100" ? ([@is[4, 8]]) : () } split /\n/, content("/proc/net/netlink");
}

sub traced {    # run code while the kernel traces our packets; print the trace, and how many lines of it were lost
    my ($code) = @_;
    my $own = "course$$";
    my $last = $FIRST + $PORTS - 1;
    my $table = join "", map { "add table $_ $own { flags owner; }\n" } "inet", "bridge";
    my @chains = (["inet", "pre", "prerouting"], ["inet", "out", "output"], ["bridge", "pre", "prerouting"]);
    $table .= "add chain $_->[0] $own $_->[1] { type filter hook $_->[2] priority -350; }\n" for @chains;
    for my $rule ((map { ("tcp $_ $FIRST-$last tcp flags & (syn | rst) != 0", "udp $_ $FIRST-$last") } "sport", "dport"), "icmp id $FIRST-$last", "icmpv6 id $FIRST-$last") {
        $table .= "add rule $_->[0] $own $_->[1] $rule meta nftrace set 1\n" for @chains;
    }
    my $holder = open2(my $out, my $in, "exec timeout 20 nft -i 2>&1");
    syswrite $in, "${table}list tables\n";
    my $said = "";
    until ($said =~ /table bridge $own|Error/) { sysread $out, $said, 4096, length $said or last }
    open my $trace, "+>", "/run/$own.trace" or die;
    unlink "/run/$own.trace";
    my $monitor = fork // die;
    if (!$monitor) { open STDOUT, ">&", $trace; exec qw(timeout 20 nft -a -s monitor trace) }
    my $ready = until_true(5, sub { scalar netlink() });
    my $printed = $ready ? $code->() : "";
    my ($size, $lost) = (-1, 0);
    until_true(3, sub {
        my ($before, @sockets) = ($size, netlink());
        ($size, $lost) = (-s $trace, 0);
        $lost += $_->[1] for @sockets;
        select undef, undef, undef, 0.02;
        return $size == $before && !grep { $_->[0] } @sockets;
    });
    kill "TERM", $monitor;
    waitpid $monitor, 0;
    section("rules_$_", output("${_}tables-save -c")) for "ip", "ip6";
    section("ruleset", output("nft -j -s list ruleset"));
    close $in;
    kill "TERM", $holder;    # which passes it on to nft, and waits for it
    waitpid $holder, 0;
    seek $trace, 0, 0;
    # Of the rules only those that dropped; a line with a quote that is open goes on in the next.
    section("trace", join "", grep { tr/"// % 2 || !/\(verdict (?!drop)[^()]*\)\s*$|policy accept/ } readline $trace);
    section("lost", $ready ? $lost : -1);
    return $printed;
}

open STDERR, ">", "/dev/null";
$| = 1;
if (!@questions) {
    my $said = within(sub { join "", map { content("/proc/self/net/$_") } qw(tcp tcp6 udp udp6) }, sort keys %file);
    for (sort keys %file) {
        section("sockets $_", $said->{$_});
        section("hosts $_", content("$etc{$_}/hosts"));
        section("resolver $_", content("$etc{$_}/resolv.conf"));
    }
} else {
    my $count = 0;
    my $first = round(map { [@$_[0 .. 5], $FIRST + $count++ % $PORTS] } @questions);
    section("first", $first);
    section("conntrack", output("conntrack -L; conntrack -L -f ipv6"));
    my %silent = map { /^(\d+)\t\d+\t\S*\t(?:silent|reset|icmp|error\tOperation not permitted)/ ? ($1, 1) : () } split /\n/, $first;
    my @again = grep { $silent{$_->[0]} && $_->[2] ne "dns" } @questions;
    for (my $begin = 0; my @part = splice @again, 0, $PORTS; $begin++) {
        my $at = $FIRST;
        section("second", traced(sub { round(map { [@$_[0 .. 5], $at++] } @part) }));
    }
    my $said = within(sub { content("/proc/self/net/arp") }, sort keys %file);
    section("arp $_", $said->{$_}) for sort keys %file;
    section("relays", output("ss -Htlnp | grep docker-proxy"));
    section("settings", content("/proc/sys/net/ipv4/ip_forward"));
}
section("end", "");
