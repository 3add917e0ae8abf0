"""Builds the starter pack out of its problem folders: ``python -m tools.starter_pack.build``."""
