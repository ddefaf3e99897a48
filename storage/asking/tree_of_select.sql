SELECT json_serialize_sql(CAST($sql AS VARCHAR))
