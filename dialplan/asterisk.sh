#!/bin/sh
# Runs Asterisk in a container. When the container is stopped, calls that are up may end first: by itself, Asterisk would cut them off at
# once on SIGTERM.
set -u
control='asterisk -C /etc/asterisk.conf -rx'

asterisk -C /etc/asterisk.conf -f -n &
asterisk=$!
trap '$control "core stop gracefully" || kill -TERM $asterisk' TERM INT

# "wait" returns early when a signal comes, so it is asked until Asterisk is gone.
while kill -0 $asterisk 2>/dev/null; do
	wait $asterisk
	status=$?
done
exit $status
