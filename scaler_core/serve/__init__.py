"""A feed over HTTP: the server that ``scaler serve`` runs, and clients with the feed's methods."""
