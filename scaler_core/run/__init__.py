"""A run: the feed, its directory, its checkpoints, and the session that ties them to a backend."""
