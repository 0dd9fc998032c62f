"""The language: OCSF events in columns, the pinned schema and our extension."""
