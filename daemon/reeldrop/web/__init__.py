"""What people see of the daemon. Must not: decide anything, or look past ports and store reads."""
