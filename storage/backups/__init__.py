"""Backups: what changed since the last one, as Parquet, and a manifest a backup that says which files it is made of.

`backups/content/` has the files, each under a name with its own hash, and shared by all backups in which its rows have not changed.
`backups/manifest-NUMBER-HASH.json` is a backup. It gets its name when all that is in it has been read back; numbers count up, and
say which is the newer, whatever clocks and names say.
"""
