"""Running untrusted programs under limits: the machinery of the local sandboxes."""
