"""How long scans last, whether one is still alive, when the next is due. Pure: numbers in, numbers out."""
