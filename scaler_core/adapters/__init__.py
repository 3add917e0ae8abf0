"""Adapters: the open feed in the loops of other people's trainers."""
