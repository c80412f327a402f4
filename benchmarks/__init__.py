"""How fast this project is against plain ways of doing the same: `python -m benchmarks`."""
