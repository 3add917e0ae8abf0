"""What the text of a problem says: its sections, faults, tolerances, and what a prompt needs."""
