"""Re-executable edition of "Over-Parameterization and Generalization in Audio Classification"."""

__version__ = "0.1.0"
