"""The SELECTs of a rule: one each, that only reads."""

import duckdb

from storage.asking.permission import check_reads
from storage.errors import ConfigurationError
from tasks.alerts.expressions import check_expressions


def check_select(sql: str, parameters: frozenset[str] = frozenset()) -> None:
    """Whether `sql` is one SELECT that only reads, from which others can select, with no bind parameters but these.

    Raises:
        ValueError: it is not; says `must be ...`, to be put behind its name.
    """
    try:
        check_reads(sql)
        check_expressions(sql)
        (statement,) = duckdb.extract_statements(sql)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    if statement.type != duckdb.StatementType.SELECT:
        raise ValueError("must be one SELECT")
    unknown = statement.named_parameters - parameters
    if unknown:
        allowed = " and ".join(f"${name}" for name in sorted(parameters)) or "none"
        raise ValueError(f"uses the bind parameter ${min(unknown)}; it may use {allowed}")
    try:
        duckdb.extract_statements(f"SELECT * FROM ({statement.query.rstrip().rstrip(';')}\n)")
    except duckdb.Error as error:
        raise ValueError("must be one SELECT, with nothing after a semicolon") from error
