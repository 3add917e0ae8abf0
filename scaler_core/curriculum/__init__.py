"""The curriculum: which environments are trained on, at which level, and why."""
