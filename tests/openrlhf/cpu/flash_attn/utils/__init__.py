"""Parts that OpenRLHF imports."""
