"""Reading the text of a problem: sections, faults, tolerances, and parts that a prompt needs."""
