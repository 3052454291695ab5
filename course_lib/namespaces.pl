# Dump the interfaces and addresses of network namespaces, as the kernel gives them (rtnetlink(7)):
#
#     perl namespaces.pl KEY=FILE ...
#
# For each file, such as /proc/PID/ns/net, a line of its key, of the links and of the addresses: netlink messages as
# hexadecimal digits, with those attributes only that somebody reads. `nsenter -n ip addr` for each namespace says
# the same, and costs ten times as much. Perl is in every Debian: nothing is installed for this.
use strict;

my ($AF_NETLINK, $SOCK_RAW, $CLONE_NEWNET, $DUMP, $DONE) = (16, 3, 0x40000000, 0x301, 3);
my $SETNS = qx(uname -m) eq "aarch64\n" ? 268 : 308;    # the number of setns(2) on arm64, and on x86-64
my %LINK = map { $_ => 1 } 1, 3, 4, 5, 10, 16, 18, 37;  # IFLA_ADDRESS, IFNAME, MTU, LINK, MASTER, OPERSTATE, ...
my %ADDRESS = (1 => 1, 2 => 1);                         # IFA_ADDRESS, IFA_LOCAL

sub answers {    # the messages of one kind, without those about the interface number $but
    my ($socket, $question, $body, $wanted, $but) = @_;
    my $kept = "";
    my $head = $question == 18 ? 32 : 24;    # of a message, before its attributes
    send $socket, pack("LSSLL", 16 + length $body, $question, $DUMP, 1, 0) . $body, 0;
    while (defined recv $socket, my $all, 65536, 0) {
        for (my $at = 0; $at < length $all;) {
            my ($length, $type, $index) = unpack "LSx14L", substr $all, $at, 24;
            return unpack "H*", $kept if $type <= $DONE;
            my $end = $at + $length;
            my $message = substr $all, $at, $head;
            for ($at = $index == $but ? $end : $at + $head; $at < $end;) {
                my ($size, $number) = unpack "SS", substr $all, $at, 4;
                $size = ($size + 3) & ~3;
                $message .= substr $all, $at, $size if $wanted->{$number & 0x3fff};
                $at += $size;
            }
            $kept .= pack("L", length $message) . substr $message, 4 if $index != $but;
        }
    }
}

for (@ARGV) {
    my ($key, $file) = split /=/;
    open my $namespace, "<", $file or next;    # the process has ended meanwhile
    syscall($SETNS, fileno $namespace, $CLONE_NEWNET) == 0 and socket my $socket, $AF_NETLINK, $SOCK_RAW, 0 or next;
    my $but = $file =~ /^.proc.\d/ ? 1 : 0;    # every container has a lo, which is number 1 and always the same
    my $links = answers($socket, 18, pack("x16 SSL", 8, 29, 8), \%LINK, $but);    # RTM_GETLINK, without statistics
    print "$key $links ", answers($socket, 22, pack("x8"), \%ADDRESS, $but), "\n";    # RTM_GETADDR
}
