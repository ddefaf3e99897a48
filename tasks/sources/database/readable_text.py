"""Text of a database that is no text."""

import pyarrow as pa

from storage.intake.contract import UNREADABLE


def mend_text(batch: pa.RecordBatch) -> pa.Table:
    """The batch with text that is no UTF-8 escaped, and its rows marked as unreadable, so that the others get through."""
    table, reasons = pa.Table.from_batches([batch]), [""] * batch.num_rows
    for name in batch.schema.names:
        cells, bad = _mend(batch[name])
        if bad:
            table = table.set_column(table.schema.get_field_index(name), name, cells)
            for row in bad:
                reasons[row] = f"{reasons[row]}; {name} is not valid UTF-8".removeprefix("; ")
    if not any(reasons):
        return table
    return table.append_column(UNREADABLE, pa.array([reason or None for reason in reasons], pa.string()))


def _mend(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """The column with bytes that are no text escaped, and the rows that had any."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary(), safe=False).to_pylist()
        texts = [cell if cell is None else cell.decode("utf-8", "backslashreplace") for cell in raw]
        bad = [row for row, cell in enumerate(raw) if cell is not None and cell.decode("utf-8", "replace").encode() != cell]
        return pa.array(texts, pa.string()), bad
    return column, []
