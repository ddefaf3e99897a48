"""A damaged warehouse made anew from what can be read of it."""
