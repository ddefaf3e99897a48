-- By which secret addresses of people were hashed, so that a lost one is noticed before everybody becomes somebody else.
CREATE TABLE ops.person_secret (
    fingerprint VARCHAR NOT NULL,
    first_used_at TIMESTAMPTZ NOT NULL,
    hashed_at TIMESTAMPTZ,
    rewritten_at TIMESTAMPTZ
);
