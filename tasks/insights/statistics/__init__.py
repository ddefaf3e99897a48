"""Intervals, medians, slopes and changes that hold at small n. Pure: numbers in, numbers out."""
