"""The path: collect -> world -> detect -> respond, and who drives it."""
