-- The last entry of the journal that this warehouse has committed.
CREATE TABLE ops.journal (
    number BIGINT NOT NULL
);

INSERT INTO ops.journal VALUES (0);
