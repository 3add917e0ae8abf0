"""Stands in for flash-attn, which needs a GPU: only what OpenRLHF imports at its start."""

__version__ = "0.0.0"
