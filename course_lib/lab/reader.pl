# Answers questions about a Docker host's network: reads a line, prints an answer, and waits for the next line.
#
# A line has fields between tabs. The first is printed as the last line of the answer. Each other one is
#
#     TITLE!COMMAND   print a section (course_lib/network/sections.py) with what the command prints; commands run in
#                     parallel
#     TITLE@PATH      print a section with the engine's answer to GET PATH; none if the engine refuses, or is down
#     KEY=FILE        a network namespace such as /proc/PID/ns/net, or nothing for this program's own, which come first;
#                     FOLDER/* stands for each file in a folder that no other field names, and KEY is then followed by
#                     "/" and the file's name, in which % and two digits stand for each byte that is unusual in a name:
#                     in the section "namespaces", print a line of KEY and a JSON list of interfaces as `ip -j -d addr`
#                     prints it, with those fields only that the course reads; "KEY ! REASON" if the kernel did not
#                     list them; no line if there is no such file, because its process has ended
#
# facts.py has the reason for not running `nsenter -n ip -j -d addr` for each namespace. Messages of the kernel:
# netlink(7), rtnetlink(7), linux/if_link.h, linux/if_addr.h. This Perl is all in Debian's essential perl-base.
use strict;
use Config;
use Socket qw(AF_INET AF_INET6 AF_UNIX SOCK_RAW SOCK_STREAM inet_ntop);

my ($AF_NETLINK, $CLONE_NEWNET) = (16, 0x40000000);
my ($DUMP, $DUMP_INTR, $ERROR, $DONE) = (0x301, 0x10, 2, 3);                   # linux/netlink.h
my ($GET_LINKS, $GET_ADDRESSES) = (18, 22);                                     # RTM_GETLINK, RTM_GETADDR
my $SETNS = $Config{archname} =~ /^aarch64/ ? 268 : 308;                        # the number of setns(2), else x86-64's
my @STATES = qw(UNKNOWN NOTPRESENT DOWN LOWERLAYERDOWN TESTING DORMANT UP);    # IF_OPER_UNKNOWN, ...
my %TYPES = (1 => "ether", 772 => "loopback");                                 # ARPHRD_ETHER, ARPHRD_LOOPBACK
my %made;    # what `address` and `link_fields` made of messages: most messages are the same the next time

sub enter {
    my ($namespace) = @_;
    return syscall($SETNS, fileno $namespace, $CLONE_NEWNET) == 0;
}

sub answers {    # the messages that answer a dump request, without headers; dies if the kernel did not send all of them
    my ($socket) = @_;
    my ($interrupted, @messages);
    while (defined recv $socket, my $data, 65536, 0) {
        for (my $at = 0; $at + 16 <= length $data;) {    # the end may share a datagram with messages, as in Linux 6.9
            my ($length, $type, $flags, $code) = unpack "LSSx8l", substr $data, $at, 20;
            if ($type == $ERROR || $type == $DONE) {     # both carry 0 or a negative error number
                die "the kernel reports: " . ($! = -$code) . "\n" if $code && $code < 0;
                die "it changed while the kernel listed it\n" if $interrupted;
                return @messages;
            }
            $interrupted ||= $flags & $DUMP_INTR;
            push @messages, substr $data, $at + 16, $length < 16 ? 0 : $length - 16;
            $at += ($length + 3) & ~3 || 16;
        }
    }
    die "the kernel reports: $!\n";    # ENOBUFS: messages were lost
}

sub dumped {    # the answer about a socket's namespace
    my ($socket, $type, $body) = @_;
    send $socket, pack("LSSLL", 16 + length $body, $type, $DUMP, 1, 0) . $body, 0 or die "$!\n";
    return answers($socket);
}

sub attributes {    # a message's attributes, which begin at the byte $at, by their numbers
    my ($message, $at) = @_;
    my %found;
    while ($at + 4 <= length $message) {
        my ($length, $number) = unpack "SS", substr $message, $at, 4;
        $found{$number & 0x3fff} = substr $message, $at + 4, $length - 4 if $length > 4;
        $at += ($length + 3) & ~3 || 4;
    }
    return \%found;
}

sub quoted {    # a name as a JSON string; that of an interface may hold any byte except / : and white space
    my ($name) = @_;
    $name =~ s/\0.*//s;
    $name =~ s/([\0-\x1f"\\])/sprintf "\\u%04x", ord $1/ge;
    return qq("$name");
}

sub address {    # the index of an address's interface, and its element of "addr_info"
    my ($message) = @_;
    my ($family, $length, $index) = unpack "CCx2L", $message;
    return [] unless $family == AF_INET || $family == AF_INET6;
    my $is = attributes($message, 8);
    # IFA_LOCAL, or IFA_ADDRESS if there is none: on a point-to-point link, IFA_ADDRESS is the other end's.
    my $local = inet_ntop($family, $is->{2} // $is->{1});
    return [$index, qq({"local":"$local","prefixlen":$length})];
}

sub link_fields {    # an interface's index, that of its bridge, its name, and its other fields
    my ($message) = @_;
    my ($hardware, $index) = unpack "x2Sl", $message;
    my $is = attributes($message, 16);
    my $name = quoted($is->{3});    # IFLA_IFNAME
    my @fields = (
        qq("ifindex":$index),
        qq("ifname":$name),
        '"mtu":' . unpack("L", $is->{4} // "\0\0\0\0"),                     # IFLA_MTU
        '"operstate":"' . $STATES[unpack "C", $is->{16} // "\0"] . '"',     # IFLA_OPERSTATE
        '"link_type":"' . ($TYPES{$hardware} // $hardware) . '"',
        '"address":"' . join(":", unpack "(H2)*", $is->{1} // "") . '"',    # IFLA_ADDRESS
    );
    # IFLA_LINK is an index in another namespace if there is IFLA_LINK_NETNSID. If not, `ip` prints a name instead.
    push @fields, '"link_index":' . unpack("L", $is->{5}) if $is->{5} && $is->{37};
    my $kind = attributes($is->{18}, 0)->{1};                               # IFLA_LINKINFO, IFLA_INFO_KIND
    push @fields, '"linkinfo":{"info_kind":' . quoted($kind) . "}" if $kind;
    return [$index, unpack("L", $is->{10} // "\0\0\0\0"), $name, join ",", @fields];    # IFLA_MASTER
}

sub interfaces {    # the JSON list of the interfaces in the answers about links and addresses, in the kernel's order
    my ($links, $addresses) = @_;
    %made = () if keys %made > 5000;
    my (%addresses, %names, @found);
    for (@$addresses) {
        my ($index, $element) = @{$made{$_} //= address($_)};
        push @{$addresses{$index}}, $element if $index;
    }
    my @links = map { $made{$_} //= link_fields($_) } @$links;
    $names{$_->[0]} = $_->[2] for @links;
    for (@links) {
        my ($index, $master, undef, $fields) = @$_;
        $fields .= qq(,"master":$names{$master}) if $names{$master};
        push @found, "{$fields,\"addr_info\":[" . join(",", @{$addresses{$index} // []}) . "]}";
    }
    return "[" . join(",", @found) . "]";
}

sub listed {    # the JSON list of the interfaces in the current namespace, requested again if it is incomplete
    for (1 .. 3) {
        my $json = eval {
            socket my $socket, $AF_NETLINK, SOCK_RAW, 0 or die "$!\n";
            # With IFLA_EXT_MASK: without some statistics.
            my @links = dumped($socket, $GET_LINKS, pack "x16 SSL", 8, 29, 8);
            interfaces(\@links, [dumped($socket, $GET_ADDRESSES, pack "x8")]);
        };
        return $json if $json;
    }
    die $@;
}

sub section {
    my ($title, $body) = @_;
    $body .= "\n" unless $body =~ /(?:^|\n)\z/;
    return "== $title " . ($body =~ tr/\n//) . "\n$body";
}

sub asked {    # a connection to the engine, with the request sent; it ends after the answer, as in HTTP/1.0
    my ($path) = @_;
    socket my $engine, AF_UNIX, SOCK_STREAM, 0 or return;
    connect $engine, pack "S a*", AF_UNIX, "/run/docker.sock" or return;
    syswrite $engine, "GET $path HTTP/1.0\r\n\r\n" or return;
    return $engine;
}

sub body {    # the body of the engine's answer; empty if it refused, or ended meanwhile
    my $answer = join "", readline $_[0];
    return $answer =~ /^\S+ 200 .*?\r\n\r\n(.*\n)\z/s ? $1 : "";
}

sub named {    # pairs of a key and a file, with those of a folder in place of FOLDER/*
    my %other = map { $_->[1] => 1 } @_;
    return map {
        my ($key, $file) = @$_;
        my $folder = $file =~ m{^(.*)/\*$} && $1;
        opendir my $files, $folder if $folder;
        !$folder ? $_ : map { my $name = $_; $name =~ s/([^\w.-])/sprintf "%%%02x", ord $1/ge; ["$key/$name", "$folder/$_"] }
            grep { !/^\.\.?$/ && !$other{"$folder/$_"} } $files ? sort readdir $files : ();
    } @_;
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
    my $lines = "";
    for (named(map { /^(\w+)=(.*)/ ? [$1, $2] : () } @fields)) {
        my ($key, $file) = @$_;
        open my $namespace, "<", $file or next if $file;
        my $json = eval {
            die "it cannot be entered: $!\n" if $file && !enter($namespace);
            listed();
        };
        $lines .= "$key " . ($json // "! $@" =~ s/\n?\z//r) . "\n";
    }
    enter($home);
    my $answer = section("namespaces", $lines);
    $answer .= section($_->[0], join "", readline $_->[1]) for @commands;
    for (@asked) {
        my $body = body($_->[1]) or next;
        $answer .= section($_->[0], $body);
    }
    syswrite STDOUT, "$answer$end\n";
}
