"""Rules over events: what Sigma says, compiled once, tested once per distinct value."""
