"""The local backend: TRL's GRPO on one machine."""
