-- Why a notification waits or is held back is a code beside the sentence, which nothing depends on any more.
ALTER TABLE alerts.notifications ADD COLUMN reason_code VARCHAR;

UPDATE alerts.notifications
SET
    reason_code = CASE
        WHEN reason IS NULL THEN NULL
        WHEN reason = 'waits for what comes before it' THEN 'behind'
        WHEN starts_with(reason, 'waits: the channel failed') THEN 'paused'
        WHEN starts_with(reason, 'rate-limited: ') THEN 'rate_limited'
        WHEN starts_with(reason, 'acknowledged by ') THEN 'acknowledged'
        WHEN starts_with(reason, 'silenced by ') THEN 'silenced'
        WHEN starts_with(reason, 'inhibited by ') THEN 'inhibited'
        WHEN digest IS NOT NULL THEN 'grouped'
        WHEN starts_with(reason, 'damped: ') THEN 'damped'
        WHEN starts_with(reason, 'not told: ') THEN 'untold'
        WHEN starts_with(reason, 'refused: ') THEN 'refused'
        WHEN reason = 'whoever sent it died before saying how it went' THEN 'unanswered'
        WHEN starts_with(reason, 'given up after ') THEN 'given_up'
        ELSE 'failed'
    END;
