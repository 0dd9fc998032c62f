"""The contract checks every integration and rule must pass, for ours and for yours."""
