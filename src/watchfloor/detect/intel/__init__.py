"""Threat intelligence: what others say is bad, read from their files, and matched on distinct values."""
