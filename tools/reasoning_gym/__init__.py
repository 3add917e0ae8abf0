"""Certifying the datasets of reasoning-gym."""
