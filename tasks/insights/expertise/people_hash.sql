SELECT CAST(bit_xor(hash(user_id, person_id)) AS VARCHAR) FROM persons()
