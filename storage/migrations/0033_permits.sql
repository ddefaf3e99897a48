-- Which link of a message an ack or a silence was made by: each is good for once.
ALTER TABLE alerts.silences ADD COLUMN permit VARCHAR;
