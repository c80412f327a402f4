"""`repro bench`: how fast this machine is at what the book does, against plain ways of doing the same."""
