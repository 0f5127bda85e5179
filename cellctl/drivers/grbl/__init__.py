"""Arms on a GRBL 1.1 or grblHAL controller: its text link, streaming, and the arm."""
