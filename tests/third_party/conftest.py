"""The example is another project's code: its tests run in its own environment, see ``proof.py``."""

collect_ignore = ["scaler-example-plugin"]
