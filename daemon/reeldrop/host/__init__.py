"""The machine: its clock, its signals, its disks, and the lock that lets one daemon run. No rules here."""
