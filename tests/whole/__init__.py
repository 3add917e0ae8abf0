"""Whole pools and the whole quickstart: minutes of computing for a few assertions.

``nox -s tests`` leaves them out, ``nox -s tests -- tests/whole`` runs them, and CI does both. They
say that what ships is good; smaller tests elsewhere say that each part works.
"""
