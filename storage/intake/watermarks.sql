SELECT dataset, watermark, read_until FROM ops.watermarks WHERE source = $source
