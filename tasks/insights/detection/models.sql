SELECT * FROM ops.anomaly_models WHERE versions = $versions AND seed = $seed
