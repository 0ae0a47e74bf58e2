# Runs the commands of a page in one shell, on a separate machine (machine.sh). For each command, reads the path of
# its output file and the command itself from descriptor 3, and writes its exit code to descriptor 4. Each of these
# strings is followed by a NUL.
. "$(dirname "$0")/machine.sh" "$1"

# As in a terminal, each background command is a job (such as %1) with its own process group.
set -m
while IFS= read -r -d '' output <&3 && IFS= read -r -d '' command <&3; do
  eval "$command" </dev/null >"$output" 2>&1 3<&- 4>&-
  printf '%s\0' $? >&4
done
