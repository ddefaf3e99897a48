-- A listing's watermark is a look, and may be ahead by no more than clocks differ.
SELECT dataset, source
FROM ops.watermarks
WHERE watermark > $bound OR (watermark > $close AND list_contains($listings, dataset))
