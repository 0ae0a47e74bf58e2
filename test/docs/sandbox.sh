# Runs the commands of a page in one shell, on a machine of its own (machine.sh). Reads from descriptor 3, for each
# command, the path of its output file and the command itself; writes the exit codes to descriptor 4. NUL ends each.
. "$(dirname "$0")/machine.sh" "$1"

# As in a terminal, each background command is a job (%1) with a process group of its own.
set -m
while IFS= read -r -d '' output <&3 && IFS= read -r -d '' command <&3; do
  eval "$command" </dev/null >"$output" 2>&1 3<&- 4>&-
  printf '%s\0' $? >&4
done
