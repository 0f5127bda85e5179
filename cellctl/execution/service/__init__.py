"""The executor as a process that clients talk to: sockets, lease, protocol, processes started and found again."""
