"""From what a source said to OCSF events."""
