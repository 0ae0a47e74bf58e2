# Runs a command, and writes its CPU time (user and system, in microseconds) and its peak memory (in KiB) to
# descriptor 3. In Perl, because Node cannot call wait4(2).
#   perl rusage.pl COMMAND [ARGUMENT...]
use strict;
use POSIX ();
my %number = ( x86_64 => 61, aarch64 => 260 );
my $wait4 = $number{ (POSIX::uname())[4] } or die "no wait4 known for this machine\n";
open my $report, '>&=', 3 or die "descriptor 3: $!\n";
my $child = fork // die "fork: $!\n";
if ( !$child ) {
    close $report;
    exec @ARGV or POSIX::_exit(127);
}
my ( $status, $usage ) = ( "\0" x 4, "\0" x 144 );
syscall( $wait4, $child, $status, 0, $usage ) == $child or die "wait4: $!\n";
my ( $user, $user_us, $system, $system_us, $peak ) = unpack 'q5', $usage;
printf $report "%d %d\n", ( $user + $system ) * 1e6 + $user_us + $system_us, $peak;
my $ended = unpack 'i', $status;
exit( $ended & 127 ? 128 + ( $ended & 127 ) : $ended >> 8 );
