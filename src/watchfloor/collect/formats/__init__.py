"""One file per format: how bytes are cut into records, and a record into fields."""
