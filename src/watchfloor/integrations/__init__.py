"""One folder per product. Nobody imports these: the estate loads them by manifest."""
