"""What is fast, against whom, and how it grows. Every figure of the README is printed by one of these files.

    python -m benchmarks                        all of it (make bench)
    python -m benchmarks.end_to_end --events 5M one of them, with settings of its own

Each takes real recordings and rules from `../shared/data` where that lies beside the project, else events and rules of
our own making (`events`), so that it runs anywhere.
"""
