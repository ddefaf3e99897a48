"""What the campaign on the warehouse's mark kills: sessions of commits, checkpoints and compactions, round after round.

Arguments: home, file for acknowledgements, seed. It acknowledges a number once its commit has returned.
"""

import os
import random
import sys
from pathlib import Path

import duckdb

from storage.home import Home
from storage.maintenance import compact
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.wholeness.mark import checkpoint

ROW = "INSERT INTO ops.audit_log VALUES ('number', ?, NULL, now())"


def commit(con: duckdb.DuckDBPyConnection, number: int, chance: random.Random) -> None:
    if chance.random() < 0.3:  # a statement by itself, of which the mark is not told
        con.execute(ROW, [str(number)])
        return
    with transaction(con):
        con.execute(ROW, [str(number)])
        if chance.random() < 0.3:
            con.execute("INSERT INTO ops.audit_log SELECT 'padding', repeat('x', 3000), NULL, now() FROM range(200)")


def session(home: Home, acks: int, first: int, chance: random.Random) -> int:
    with warehouse(home) as con:
        for number in range(first, first + chance.randrange(1, 12)):
            commit(con, number, chance)
            os.write(acks, f"{number}\n".encode())
            if chance.random() < 0.2:
                checkpoint(con)
        if chance.random() < 0.4:
            con.execute("DELETE FROM ops.audit_log WHERE action = 'padding'")
            compact(con, home)
    return number + 1


def main(root: str, file: str, seed: str) -> None:
    chance, path = random.Random(int(seed)), Path(file)
    lines = path.read_text().split() if path.exists() else []
    number = int(seed) * 1_000_000
    assert number > int(lines[-1] if lines else -1)
    acks = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(1, b"ready\n")
    while True:
        number = session(Home(Path(root)), acks, number, chance)


if __name__ == "__main__":
    main(*sys.argv[1:])
