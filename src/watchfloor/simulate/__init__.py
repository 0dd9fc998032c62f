"""A site that lives: seeded, deterministic records in the vendors' own formats, and the truth beside them."""
