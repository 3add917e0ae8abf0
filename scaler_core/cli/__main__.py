"""``python -m scaler_core.cli`` is the ``scaler`` command."""

from scaler_core.cli import main

main()
