SELECT DISTINCT source FROM ops.watermarks WHERE source NOT IN ($current, $sample) ORDER BY source
