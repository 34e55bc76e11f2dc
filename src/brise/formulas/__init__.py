"""Pure science: arrays in, arrays out. Units, equation and citation in every docstring."""
