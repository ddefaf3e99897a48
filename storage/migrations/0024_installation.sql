-- Whose the warehouse is, so that another installation's is noticed, and which of the lines that go on from one backup it is.
CREATE TABLE ops.installation (
    installation VARCHAR NOT NULL,
    timeline VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
