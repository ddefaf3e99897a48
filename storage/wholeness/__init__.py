"""Whether the warehouse file is the one that was left, and whole: its mark, its checksums, and blocks that a kill tore."""
