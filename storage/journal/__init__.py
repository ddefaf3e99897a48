"""The journal of what people did and what was told: written before it commits, outside of the warehouse; a restore plays it."""
