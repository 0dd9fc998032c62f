"""What is kept: the landing (raw, first), the lake (events and findings), cursors."""
