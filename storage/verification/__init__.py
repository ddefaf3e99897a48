"""Verification: what is stored is what was written.

Each day what changed since is verified, and a part of the rest, so that all is read within a month; or all of it at once.
"""
