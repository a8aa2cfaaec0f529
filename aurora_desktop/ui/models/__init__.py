"""Table models: rows of plain values in, narrow `dataChanged` out."""
