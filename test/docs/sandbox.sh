# Runs the commands of a page in one shell, on a machine of its own (machine.sh).
# They come by descriptor 3, each behind the file for its output; their exit codes go out by 4.
. "$(dirname "$0")/machine.sh" "$1"

# As at a terminal, each command in the background is a job (%1) with a process group of its own.
set -m
while IFS= read -r -d '' output <&3 && IFS= read -r -d '' command <&3; do
  eval "$command" </dev/null >"$output" 2>&1 3<&- 4>&-
  printf '%s\0' $? >&4
done
