MERGE INTO alerts.rules AS target USING wanted_rules AS incoming ON target.name = incoming.name
WHEN MATCHED THEN UPDATE SET
    definition = incoming.definition, source = incoming.source, in_force_since = incoming.in_force_since
WHEN NOT MATCHED BY SOURCE THEN DELETE
WHEN NOT MATCHED THEN INSERT (name, definition, source, in_force_since)
    VALUES (incoming.name, incoming.definition, incoming.source, incoming.in_force_since)
