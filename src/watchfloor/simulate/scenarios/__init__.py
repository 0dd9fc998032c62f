"""The sixteen scenarios, each with its benign twins."""
