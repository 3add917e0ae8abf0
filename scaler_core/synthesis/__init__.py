"""Synthesis: from programming problems to environments (paper section 2)."""
