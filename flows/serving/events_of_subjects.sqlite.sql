SELECT id, payload FROM events WHERE instr(payload, 'subject')
